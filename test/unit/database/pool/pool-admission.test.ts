import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { systemClock } from '#database/pool/clock.ts';
import { withParts } from '#test/support/pool/broken-parts.ts';
import { PoolWorld } from '#test/support/pool/pool-world.ts';

const codeOf = (error: unknown) => (error instanceof DatabaseError ? error.code : error);

describe('admission to the pool', () => {
  it('F21: opens connections under demand up to size and overflow, and never more', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 5 });

    await world.acquireMany(40);

    expect(world.pool.stats()).toMatchObject({ max: 8, size: 3, used: 8, total: 8, waiting: 32 });
    expect(world.server.peak).toBe(8);
  });

  it('serves borrowers in the order in which they came, whoever brings a connection back', async () => {
    const world = new PoolWorld({ poolSize: 2, maxOverflow: 0 });
    const borrowers = await world.acquireMany(6);
    const [first, second, third] = borrowers;

    await world.giveBack(second);
    await world.giveBack(first);
    await world.giveBack(third);

    expect(world.events.acquires.map(({ holder }) => holder)).toEqual(
      borrowers.slice(0, 5).map(({ name }) => name),
    );
    expect(world.events.acquires.map(({ outcome }) => outcome)).toEqual([
      'new',
      'new',
      'queued',
      'queued',
      'queued',
    ]);
  });

  it('uses the connection that was used last, so that the others may go idle', async () => {
    const world = new PoolWorld({ poolSize: 3 });
    const [a, b, c] = await world.acquireMany(3);
    await world.giveBack(a);
    await world.giveBack(c);
    await world.giveBack(b);

    const next = await world.acquire();

    expect(next.lease?.connection).toBe(b?.lease?.connection);
  });

  it('gives a connection that is free first to who has waited longest, not to whom it is opened for', async () => {
    const world = new PoolWorld({ poolSize: 2, maxOverflow: 0 });
    const holder = await world.acquire();
    world.server.reception = ['ok', 500];
    const waiter = await world.acquire();

    await world.giveBack(holder);

    expect(waiter.lease?.connection.pid).toBe(1);
    await world.clock.advance(500);
    expect(world.pool.stats()).toMatchObject({ used: 1, idle: 1 });
  });

  it('F6: gives everybody up exactly at the acquire timeout, and says that the pool is busy and who holds it', async () => {
    const world = new PoolWorld({ poolSize: 10, maxOverflow: 0, acquireTimeoutMs: 1000 });
    await world.acquire({ name: 'GET /slow' });
    await world.clock.advance(1);
    await world.acquireMany(9);
    await world.clock.advance(99);
    const waiting = await world.acquireMany(40);

    await world.clock.advance(1000);

    expect(new Set(waiting.map(({ servedAt, askedAt }) => servedAt - askedAt))).toEqual(
      new Set([1000]),
    );
    const [error] = waiting.map((borrower) => borrower.error);
    expect(error).toMatchObject({
      code: 'DB_POOL_TIMEOUT',
      details: {
        pool: 'main',
        reason: 'busy',
        waitedMs: 1000,
        used: 10,
        idle: 0,
        connecting: 0,
        longestHolder: 'GET /slow',
        longestHeldMs: 1100,
      },
    });
    expect(String(error)).toContain('longest held by GET /slow for 1100 ms');
    expect(world.pool.stats()).toMatchObject({ waiting: 0, used: 10 });
  });

  it('F6: says that the server is unreachable when connecting takes the whole deadline', async () => {
    const world = new PoolWorld({ acquireTimeoutMs: 500, connectTimeoutMs: 5000 });
    world.server.reception = 'silent';
    const waiting = await world.acquireMany(5);

    await world.clock.advance(500);

    expect(waiting.map(({ error }) => error)).toEqual(
      waiting.map(() =>
        expect.objectContaining({
          code: 'DB_POOL_TIMEOUT',
          details: expect.objectContaining({ reason: 'unreachable', used: 0, connecting: 5 }),
        }),
      ),
    );
  });

  it('F6: has one deadline for ping, connect and wait together', async () => {
    const world = new PoolWorld({
      poolSize: 1,
      maxOverflow: 0,
      acquireTimeoutMs: 600,
      connectTimeoutMs: 5000,
    });
    await world.giveBack(await world.acquire());
    await world.clock.advance(1000);
    world.server.manners.ping = 'silent';
    world.server.reception = ['ok', 4000];

    const borrower = await world.acquire();
    await world.clock.advance(600);

    expect(borrower.servedAt - borrower.askedAt).toBe(600);
    expect(codeOf(borrower.error)).toBe('DB_POOL_TIMEOUT');
  });

  it('F7: refuses at once whoever finds the queue full, with the counts', async () => {
    const world = new PoolWorld({ poolSize: 1, maxOverflow: 0, queueLimit: 2 });
    await world.acquireMany(3);

    const refused = await world.acquire();

    expect(refused).toMatchObject({ isPending: false, servedAt: refused.askedAt });
    expect(refused.error).toMatchObject({
      code: 'DB_POOL_FULL',
      details: { used: 1, idle: 0, connecting: 0, waiting: 2, longestHolder: 'borrower 1' },
    });
    expect(world.events.acquires.at(-1)).toMatchObject({ outcome: 'refused', waitedMs: 0 });
  });

  it('F7: does not count those for whom a connection is being opened among those who queue', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 0, queueLimit: 1 });
    world.server.reception = ['ok', 100];

    const borrowers = await world.acquireMany(5);
    await world.clock.advance(100);

    expect(borrowers.map(({ lease, isPending }) => [lease !== undefined, isPending])).toEqual([
      [true, false],
      [true, false],
      [true, false],
      [false, true],
      [false, false],
    ]);
  });

  it.each([
    { queueLimit: 10, code: 'DB_POOL_FULL', name: '20,000 that are refused at once' },
    { queueLimit: 20_000, code: 'DB_POOL_TIMEOUT', name: '20,000 that expire together' },
  ])('F7: $name do not stop the event loop', { timeout: 30_000 }, async ({ queueLimit, code }) => {
    const world = new PoolWorld(
      { poolSize: 1, maxOverflow: 0, queueLimit, acquireTimeoutMs: 200 },
      undefined,
      withParts(() => ({ clock: systemClock })),
    );
    const holder = await world.acquire();
    const delays = monitorEventLoopDelay({ resolution: 5 });
    const settle = (error: unknown) => codeOf(error);
    delays.enable();

    const answers: Promise<unknown>[] = [];
    for (let batch = 0; batch < 200; batch += 1) {
      answers.push(...Array.from({ length: 100 }, () => world.pool.acquire().catch(settle)));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const codes = await Promise.all(answers);

    delays.disable();
    console.log(`F7: ${code}: event loop late by at most ${Math.round(delays.max / 1e6)} ms`);
    expect(codes.filter((given) => given === code).length).toBeGreaterThanOrEqual(19_000);
    // 50 ms on a machine that has nothing else to do.
    expect(delays.percentile(99) / 1e6).toBeLessThan(500);
    await world.giveBack(holder);
    const closed = world.pool.close();
    await world.clock.tick();
    await closed;
  });

  it('lets a borrower go when its signal aborts, and gives its turn to the next', async () => {
    const world = new PoolWorld({ poolSize: 1, maxOverflow: 0 });
    const holder = await world.acquire();
    const gone = await world.acquire({ canAbort: true });
    const patient = await world.acquire();

    gone.abort?.();
    await world.giveBack(holder);

    expect(gone.error).toEqual(new Error('the client went away'));
    expect(patient.lease).toBeDefined();
  });

  it('keeps what was being opened for a borrower who has gone away', async () => {
    const world = new PoolWorld();
    world.server.reception = ['ok', 100];
    const gone = await world.acquire({ canAbort: true });

    gone.abort?.();
    await world.clock.advance(100);

    expect(world.pool.stats()).toMatchObject({ idle: 1, used: 0, waiting: 0 });
  });

  it('does not begin for a borrower that has gone away before it asked', async () => {
    const world = new PoolWorld();

    await expect(
      world.pool.acquire({ name: 'gone', signal: AbortSignal.abort('gone away') }),
    ).rejects.toBe('gone away');

    expect(world.server.attempts).toEqual([]);
  });

  it('names a holder that did not say who it is, and each wait with its age', async () => {
    const world = new PoolWorld({ poolSize: 1, maxOverflow: 0 });
    const lease = world.pool.acquire();
    await world.clock.tick();
    await world.acquire({ name: 'GET /users', scope: { traceId: 'a trace' } });
    await world.clock.advance(700);

    expect((await lease).holder.name).toBe('unknown');
    expect(world.pool.waiters()).toEqual([
      { name: 'GET /users', traceId: 'a trace', waitedMs: 700 },
    ]);
    expect(world.pool.stats()).toMatchObject({ oldestWaitMs: 700, oldestUseMs: 700 });
  });

  it('counts how long connections were used, and how long all of them were', async () => {
    const world = new PoolWorld({ poolSize: 2, maxOverflow: 0 });
    const first = await world.acquire();
    await world.clock.advance(1000);
    const second = await world.acquire();
    await world.clock.advance(500);
    await world.giveBack(first);
    await world.clock.advance(250);
    await world.giveBack(second);
    await world.clock.advance(4000);

    expect(world.pool.stats()).toMatchObject({ usedSeconds: 2.25, exhaustedSeconds: 0.5 });
  });

  it('gives figures that nobody can change', () => {
    const stats = new PoolWorld().pool.stats();

    expect(Object.isFrozen(stats)).toBe(true);
    expect(stats).toEqual({
      name: 'main',
      max: 5,
      size: 3,
      idle: 0,
      used: 0,
      connecting: 0,
      waiting: 0,
      total: 0,
      oldestWaitMs: 0,
      oldestUseMs: 0,
      leaked: 0,
      prepared: 0,
      usedSeconds: 0,
      exhaustedSeconds: 0,
    });
  });
});
