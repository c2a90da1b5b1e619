import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CloseFault, Closers } from '#lifecycle/closers.ts';

function subject() {
  const faults: CloseFault[] = [];
  const closed: string[] = [];
  const closers = new Closers((fault) => faults.push(fault));
  const add = (name: string, deadlineMs = 1000) =>
    closers.add(name, () => void closed.push(name), deadlineMs);
  return { closers, faults, closed, add };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('closing everything', () => {
  it('goes from the youngest to the oldest, one after the other', async () => {
    const { closers, closed, add } = subject();
    add('pool');
    closers.add(
      'server',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        closed.push('server');
      },
      1000,
    );
    add('probe');

    const done = closers.closeAll();
    await vi.advanceTimersByTimeAsync(499);
    expect(closed).toEqual(['probe']);
    await vi.advanceTimersByTimeAsync(1);
    await done;

    expect(closed).toEqual(['probe', 'server', 'pool']);
  });

  it('happens once, however often it is asked for', async () => {
    const { closers, closed, add } = subject();
    add('pool');

    await Promise.all([closers.closeAll(), closers.closeAll(), closers[Symbol.asyncDispose]()]);
    await closers.closeAll();

    expect(closed).toEqual(['pool']);
  });

  it('goes on after an error, which is reported', async () => {
    const { closers, closed, faults, add } = subject();
    const error = new Error('stuck');
    add('pool');
    closers.add('server', () => Promise.reject(error), 1000);
    closers.add(
      'probe',
      () => {
        throw error;
      },
      2000,
    );

    await closers.closeAll();

    expect(closed).toEqual(['pool']);
    expect(faults).toEqual([
      { name: 'probe', kind: 'error', deadlineMs: 2000, error },
      { name: 'server', kind: 'error', deadlineMs: 1000, error },
    ]);
  });

  it('goes on after a missed deadline, which is reported, and so is a later error', async () => {
    const { closers, closed, faults, add } = subject();
    const stuck = Promise.withResolvers<void>();
    add('pool');
    closers.add('server', () => stuck.promise, 300);

    const done = closers.closeAll();
    await vi.advanceTimersByTimeAsync(300);
    await done;
    stuck.reject(new Error('late'));
    await vi.advanceTimersByTimeAsync(0);

    expect(closed).toEqual(['pool']);
    expect(faults).toEqual([
      { name: 'server', kind: 'deadline', deadlineMs: 300 },
      { name: 'server', kind: 'error', deadlineMs: 300, error: new Error('late') },
    ]);
  });

  it('leaves no timer behind', async () => {
    const { closers, add } = subject();
    add('pool');

    await closers.closeAll();

    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not stopped by a reporter that throws', async () => {
    const closed: string[] = [];
    const closers = new Closers(() => {
      throw new Error('no log');
    });
    closers.add('pool', () => void closed.push('pool'), 1000);
    closers.add('server', () => Promise.reject(new Error('stuck')), 1000);

    await closers.closeAll();

    expect(closed).toEqual(['pool']);
  });

  it('closes what is opened meanwhile', async () => {
    const { closers, closed, add } = subject();
    add('pool');
    closers.add('server', () => add('late'), 1000);

    await closers.closeAll();

    expect(closed).toEqual(['late', 'pool']);
  });

  it('makes a resource opened afterwards a bug that its opener sees', async () => {
    const { closers, add } = subject();

    await closers.closeAll();

    expect(() => add('late')).toThrow('bug: late was opened after everything had been closed');
  });
});
