import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FatalErrorOptions, onFatalErrors } from '#lifecycle/fatal-errors.ts';

const ORIGINS = ['uncaughtException', 'unhandledRejection'] as const;

function subject(options: Partial<FatalErrorOptions> = {}) {
  const told: unknown[] = [];
  // The runner listens too, and would take what is raised here for a failure of the test.
  const others = process.listeners('uncaughtException');
  const stop = onFatalErrors({
    onFatal: (error) => told.push(error),
    shutdown: async () => void told.push('shutdown'),
    exit: (code) => told.push(`exit ${code}`),
    ...options,
  });
  const raise = process.listeners('uncaughtException').find((one) => !others.includes(one));
  return {
    told,
    stop,
    raise: (error: Error) => raise?.(error, 'uncaughtException'),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('an error that nobody caught', () => {
  it('is told, then the service shuts down, then the process exits with 1', async () => {
    const { told, stop, raise } = subject();
    const error = new Error('first');

    raise(error);
    await vi.advanceTimersByTimeAsync(0);
    stop();

    expect(told).toEqual([error, 'shutdown', 'exit 1']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends the process after 5 s when the shutdown hangs', async () => {
    const { told, stop, raise } = subject({
      shutdown: () => Promise.withResolvers<void>().promise,
    });

    raise(new Error('first'));
    await vi.advanceTimersByTimeAsync(4999);
    expect(told).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    stop();

    expect(told.at(-1)).toBe('exit 1');
  });

  it('ends the process when telling or shutting down fails too', async () => {
    const exits: number[] = [];
    const { stop, raise } = subject({
      onFatal: () => {
        throw new Error('no log');
      },
      shutdown: () => Promise.reject(new Error('no shutdown')),
      exit: (code) => exits.push(code),
    });

    raise(new Error('first'));
    await vi.advanceTimersByTimeAsync(0);
    stop();

    expect(exits).toEqual([1]);
  });

  it('that follows another is told, and ends nothing twice', async () => {
    const { told, stop, raise } = subject();

    raise(new Error('first'));
    raise(new Error('second'));
    await vi.advanceTimersByTimeAsync(0);
    stop();

    expect(told).toEqual([new Error('first'), 'shutdown', new Error('second'), 'exit 1']);
  });

  it('is not listened to any more after stopping', () => {
    const before = ORIGINS.map((origin) => process.listenerCount(origin));

    subject().stop();

    expect(ORIGINS.map((origin) => process.listenerCount(origin))).toEqual(before);
  });
});
