import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';

const refused = new DatabaseError('DB_CONNECT_REFUSED', 'nobody listens');
const badPassword = new DatabaseError('DB_AUTH_FAILED', 'wrong', { sqlState: '28P01' });
const noPassword = new DatabaseError('DB_AUTH_FAILED', 'the file could not be read');
const full = new DatabaseError('DB_TOO_MANY_CONNECTIONS', 'full', { sqlState: '53300' });

function gateOf(random = () => 0.5) {
  const clock = new FakeClock();
  const failures: DatabaseErrorCode[] = [];
  const gate = new ConnectGate({ clock, random, onFailure: ({ code }) => failures.push(code) });
  const attempts: number[] = [];
  const fail = (error: DatabaseError) =>
    gate.attempt(() => {
      attempts.push(clock.now());
      return Promise.reject(error);
    });
  /** Makes an attempt whenever one may be made, from now on. */
  const keepFailing = (cause: DatabaseError) => {
    const tryOnce = async () => {
      if (gate.mayTry) {
        await fail(cause).catch(() => undefined);
      }
    };
    gate.onChange(() => void tryOnce());
    void tryOnce();
  };
  /** An attempt that the test ends. */
  const begin = () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const outcome = gate
      .attempt(() => promise)
      .then(
        () => 'ok',
        (error: unknown) => error,
      );
    return { outcome, succeed: resolve, fail: reject };
  };
  return { clock, gate, failures, attempts, fail, keepFailing, begin };
}

describe('the gate before the server', () => {
  it('lets any number of attempts through while none fails', async () => {
    const { gate, begin } = gateOf();
    const attempts = [begin(), begin(), begin()];

    expect(gate.mayTry).toBe(true);
    for (const { succeed } of attempts) {
      succeed();
    }
    expect(await Promise.all(attempts.map(({ outcome }) => outcome))).toEqual(['ok', 'ok', 'ok']);
    expect(gate.cause).toBeUndefined();
  });

  it('F23: is not closed any longer for a full server that has lost a connection', async () => {
    const { gate, fail } = gateOf();
    await expect(fail(full)).rejects.toBe(full);
    expect(gate.mayTry).toBe(false);

    gate.roomMade();

    expect(gate.mayTry).toBe(true);
  });

  it('F8: stays closed for a server that refuses, whoever leaves', async () => {
    const { gate, fail } = gateOf();
    await expect(fail(refused)).rejects.toBe(refused);

    gate.roomMade();

    expect(gate.mayTry).toBe(false);
  });

  it('F8: answers with the cause at once after a failure, without an attempt', async () => {
    const { gate, attempts, fail } = gateOf();
    await expect(fail(refused)).rejects.toBe(refused);

    await expect(fail(badPassword)).rejects.toBe(refused);

    expect(attempts).toHaveLength(1);
    expect([gate.mayTry, gate.cause]).toEqual([false, refused]);
  });

  it.each([
    { name: 'F8: a server that is away', error: refused, most: 20, ms: 10_000 },
    { name: 'F9: a wrong password', error: badPassword, most: 30, ms: 60_000 },
    { name: 'F23: a server that is full', error: full, most: 30, ms: 60_000 },
    { name: 'F27: a password that cannot be read', error: noPassword, most: 20, ms: 10_000 },
  ])('$name is tried at most $most times in $ms ms', async ({ error, most, ms }) => {
    const { clock, attempts, keepFailing } = gateOf(() => 0);

    keepFailing(error);
    await clock.advance(ms);

    expect(attempts.length).toBeLessThanOrEqual(most);
    expect(attempts.length).toBeGreaterThanOrEqual(5);
  });

  it('F8: is tried within 1 s of the return of the server, whenever that is', async () => {
    const { clock, attempts, keepFailing } = gateOf(() => 0.999);
    keepFailing(refused);
    await clock.advance(10_000);

    const pauses = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));

    expect(Math.max(...pauses)).toBeLessThan(1000);
  });

  it('waits a little longer or shorter each time, so that many services do not come together', async () => {
    const [early, late] = [gateOf(() => 0), gateOf(() => 0.999)];
    early.keepFailing(refused);
    late.keepFailing(refused);
    await early.clock.advance(1000);
    await late.clock.advance(1000);

    expect(early.attempts[1]).toBeCloseTo(170);
    expect(late.attempts[1]).toBeCloseTo(230, 0);
  });

  it('lets one attempt through at a time after a pause, and all once one has succeeded', async () => {
    const { clock, gate, fail, begin } = gateOf();
    await fail(refused).catch(() => undefined);
    await clock.advance(1000);

    const attempt = begin();

    expect(gate.mayTry).toBe(false);
    attempt.succeed();
    await attempt.outcome;
    expect([gate.mayTry, gate.cause]).toEqual([true, undefined]);
    expect([begin(), gate.mayTry, begin(), gate.mayTry]).toContain(true);
  });

  it('begins with the shortest pause again after a success', async () => {
    const { clock, gate, fail } = gateOf();
    await fail(refused).catch(() => undefined);
    await clock.advance(201);
    await fail(refused).catch(() => undefined);
    await clock.advance(201);
    expect(gate.mayTry).toBe(false);
    await clock.advance(200);
    await gate.attempt(() => Promise.resolve());

    await fail(refused).catch(() => undefined);
    await clock.advance(201);

    expect(gate.mayTry).toBe(true);
  });

  it('counts attempts that were under way together as one failure', async () => {
    const { clock, gate, failures, begin } = gateOf();
    const attempts = [begin(), begin(), begin()];
    for (const { fail } of attempts) {
      fail(refused);
    }
    await Promise.all(attempts.map(({ outcome }) => outcome));

    await clock.advance(201);

    expect(failures).toHaveLength(3);
    expect(gate.mayTry).toBe(true);
  });

  it('tells of every failure, and of each time when somebody else may try', async () => {
    const { clock, gate, failures, begin, fail } = gateOf();
    const changes: boolean[] = [];
    const stop = gate.onChange(() => changes.push(gate.mayTry));

    await fail(refused).catch(() => undefined);
    await clock.advance(300);
    const attempt = begin();
    attempt.succeed();
    await attempt.outcome;
    stop();
    await fail(badPassword).catch(() => undefined);

    expect(changes).toEqual([false, true, true]);
    expect(failures).toEqual(['DB_CONNECT_REFUSED', 'DB_AUTH_FAILED']);
  });

  it('tells those who stood back for an attempt of before the failure when that fails as well', async () => {
    const { clock, gate, begin } = gateOf();
    await clock.advance(1);
    const [first, slow] = [begin(), begin()];
    await clock.advance(1);
    first.fail(refused);
    await first.outcome;
    await clock.advance(300);
    const changes: boolean[] = [];
    gate.onChange(() => changes.push(gate.mayTry));

    expect(gate.mayTry).toBe(false);
    slow.fail(refused);
    await slow.outcome;

    expect([gate.mayTry, changes]).toEqual([true, [true]]);
  });

  it('counts a failure anew when another attempt has succeeded since', async () => {
    const { clock, gate, begin } = gateOf();
    const [first, second, third] = [begin(), begin(), begin()];
    await clock.advance(1);
    first.fail(refused);
    await first.outcome;
    await clock.advance(1);
    second.succeed();
    await second.outcome;

    third.fail(full);
    await third.outcome;

    expect([gate.mayTry, gate.cause]).toEqual([false, full]);
  });

  it('lets one attempt through at a time once a connection was lost, until one succeeds', async () => {
    const { gate, begin } = gateOf();

    gate.suspect();

    expect([gate.mayTry, gate.cause]).toEqual([true, undefined]);
    const attempt = begin();
    expect(gate.mayTry).toBe(false);
    attempt.succeed();
    await attempt.outcome;
    expect(gate.mayTry).toBe(true);
  });

  it('holds nothing against the server when its user has given an attempt up', async () => {
    const { gate, failures, begin } = gateOf();
    const attempt = begin();

    attempt.fail(new DatabaseError('DB_CLOSED', 'the pool was closed'));
    await attempt.outcome;

    expect([gate.mayTry, gate.cause, failures]).toEqual([true, undefined, []]);
  });

  it('lets an urgent attempt through beside another one, though not while it is closed', async () => {
    const { clock, gate, fail, begin } = gateOf();
    const urgent = () => gate.attempt(() => Promise.resolve('connected'), true);
    await fail(refused).catch(() => undefined);

    await expect(urgent()).rejects.toBe(refused);

    await clock.advance(300);
    begin();
    await expect(urgent()).resolves.toBe('connected');
  });

  it('has no timer left and tells nobody anything once it is closed', async () => {
    const { clock, gate, fail } = gateOf();
    const changes: string[] = [];
    gate.onChange(() => changes.push('a change'));
    await fail(refused).catch(() => undefined);
    changes.length = 0;

    gate.close();
    await clock.advance(10_000);

    expect([clock.timers, changes]).toEqual([0, []]);
  });
});
