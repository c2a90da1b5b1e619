import { describe, expect, it } from 'vitest';
import { onShutdownSignals } from '#lifecycle/signals.ts';

/** Signals that the test runner does not use itself. */
const signals = ['SIGUSR2', 'SIGWINCH'] as const;

function subject() {
  const heard: unknown[] = [];
  const clock = { now: 0 };
  const stop = onShutdownSignals({
    signals,
    onFirst: (signal) => heard.push(['first', signal]),
    onSecond: (signal, exitCode) => heard.push(['second', signal, exitCode]),
    now: () => clock.now,
  });
  return { heard, clock, stop };
}

describe('signals that end the service', () => {
  it('begin the shutdown once; the second ends the process with 128 + its number', () => {
    const { heard, clock, stop } = subject();

    process.emit('SIGWINCH', 'SIGWINCH');
    clock.now = 1000;
    process.emit('SIGWINCH', 'SIGWINCH');
    stop();

    expect(heard).toEqual([
      ['first', 'SIGWINCH'],
      ['second', 'SIGWINCH', 128 + 28],
    ]);
  });

  it('are one wish when npm repeats the signal that the terminal has sent', () => {
    const { heard, clock, stop } = subject();

    process.emit('SIGWINCH', 'SIGWINCH');
    clock.now = 249;
    process.emit('SIGWINCH', 'SIGWINCH');
    stop();

    expect(heard).toEqual([['first', 'SIGWINCH']]);
  });

  it('are two wishes when they differ, however close', () => {
    const { heard, stop } = subject();

    process.emit('SIGWINCH', 'SIGWINCH');
    process.emit('SIGUSR2', 'SIGUSR2');
    stop();

    expect(heard).toHaveLength(2);
  });

  it('are not listened to any more after stopping', () => {
    const before = signals.map((signal) => process.listenerCount(signal));
    const { heard, stop } = subject();

    stop();
    process.emit('SIGWINCH', 'SIGWINCH');

    expect(heard).toEqual([]);
    expect(signals.map((signal) => process.listenerCount(signal))).toEqual(before);
  });
});
