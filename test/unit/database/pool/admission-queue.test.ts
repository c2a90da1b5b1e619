import { describe, expect, it } from 'vitest';
import { AdmissionQueue } from '#database/pool/admission-queue.ts';
import type { Waiter } from '#database/pool/admission-queue.ts';
import type { Clock } from '#database/pool/clock.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';

const DEADLINE_MS = 1000;

function queueOf<C extends Clock>(clock: C) {
  const settled: string[] = [];
  const queue = new AdmissionQueue<string>({
    clock,
    deadlineMs: DEADLINE_MS,
    expired: ({ holder }) => new Error(`${holder.name} has waited too long`),
    settled: ({ holder }, outcome) => void settled.push(`${holder.name} ${outcome}`),
  });
  const join = (name: string, signal?: AbortSignal) =>
    queue.wait({ name, signal }).catch((error: unknown) => error);
  return { clock, queue, settled, join };
}

const namesOf = (waiters: Iterable<Waiter<string>>) =>
  [...waiters].map(({ holder }) => holder.name);

describe('the admission queue', () => {
  it('keeps borrowers in the order in which they came, wherever others leave', async () => {
    const { queue, join } = queueOf(new FakeClock());
    const answers = ['a', 'b', 'c', 'd', 'e'].map((name) => join(name));
    const [a, , c, , e] = [...queue.all()];

    c?.serve('the lease of c', 'queued');
    a?.serve('the lease of a', 'queued');
    e?.serve('the lease of e', 'queued');
    void join('f');

    expect(namesOf(queue.all())).toEqual(['b', 'd', 'f']);
    expect(queue.first?.holder.name).toBe('b');
    expect(queue.size).toBe(3);
    expect(await Promise.all([answers[0], answers[2], answers[4]])).toEqual([
      'the lease of a',
      'the lease of c',
      'the lease of e',
    ]);
  });

  it('is empty when all have left, and takes new ones', () => {
    const { queue, join } = queueOf(new FakeClock());
    void join('a');
    queue.first?.serve('a lease', 'queued');

    expect([queue.size, queue.first]).toEqual([0, undefined]);

    void join('b');

    expect(namesOf(queue.all())).toEqual(['b']);
  });

  it('F6: gives each its own deadline, counted from when it came', async () => {
    const { clock, queue, join } = queueOf(new FakeClock());
    const early = join('early');
    await clock.advance(400);
    void join('late');

    await clock.advance(599);
    expect(namesOf(queue.all())).toEqual(['early', 'late']);
    await clock.advance(1);

    expect(await early).toEqual(new Error('early has waited too long'));
    expect(namesOf(queue.all())).toEqual(['late']);
    await clock.advance(400);
    expect(queue.size).toBe(0);
  });

  it('F59: after a stall of the event loop serves those for whom something has arrived in time', async () => {
    const { clock, queue, join } = queueOf(new FakeClock());
    const lucky = join('lucky');
    const unlucky = join('unlucky');
    clock.arrive(() => queue.first?.serve('a lease', 'new'), 900);

    await clock.stall(5000);

    expect(await lucky).toBe('a lease');
    expect(await unlucky).toEqual(new Error('unlucky has waited too long'));
  });

  it('lets a borrower go at once when its signal aborts, with the reason of the signal', async () => {
    const { clock, queue, settled, join } = queueOf(new FakeClock());
    const controller = new AbortController();
    const gone = join('gone', controller.signal);
    void join('patient');

    controller.abort('the client went away');

    expect(await gone).toBe('the client went away');
    expect(namesOf(queue.all())).toEqual(['patient']);
    expect(settled).toEqual(['gone error']);
    expect(clock.timers).toBe(1);
  });

  it('settles each borrower once, whatever comes afterwards', async () => {
    const { clock, queue, settled, join } = queueOf(new FakeClock());
    const controller = new AbortController();
    const answer = join('a', controller.signal);
    const waiter = queue.first;

    waiter?.serve('the first lease', 'queued');
    waiter?.serve('another lease', 'queued');
    waiter?.refuse(new Error('too late'), 'error');
    controller.abort();
    await clock.advance(2 * DEADLINE_MS);

    expect(await answer).toBe('the first lease');
    expect(settled).toEqual(['a queued']);
  });

  it('refuses all who wait, each with an error of its own, and leaves no timer', async () => {
    const { clock, queue, join } = queueOf(new FakeClock());
    const answers = [join('a'), join('b'), join('c')];

    queue.refuseAll(() => new Error('closed'), 'error');

    const errors = await Promise.all(answers);
    expect(errors).toEqual([new Error('closed'), new Error('closed'), new Error('closed')]);
    expect(new Set(errors).size).toBe(3);
    expect([queue.size, clock.timers]).toEqual([0, 0]);
  });

  it('F7: knows who is first without a search, however many have left before', () => {
    const timeless: Clock = {
      now: () => 0,
      start: () => ({ stop: () => undefined }),
      afterIo: () => undefined,
    };
    const { queue, join } = queueOf(timeless);
    // Control: a set steps over those who have left, each time again.
    const set = new Set(Array.from({ length: 40_000 }, (_unused, index) => index));
    void Array.from({ length: 40_000 }, () => join('a'));
    void Array.from({ length: 20_000 }, (_unused, index) => set.delete(index));
    void Array.from({ length: 20_000 }, () => queue.first?.serve('a lease', 'queued'));

    const searchMs = cpuMsOf(() => set.values().next());
    const lookMs = cpuMsOf(() => queue.first);

    expect(lookMs).toBeLessThan(searchMs / 5);
  });
});

function cpuMsOf(look: () => unknown): number {
  const startedAt = process.cpuUsage().user;
  for (let index = 0; index < 20_000; index += 1) {
    look();
  }
  return (process.cpuUsage().user - startedAt) / 1000;
}
