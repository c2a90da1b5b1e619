/** A timer that has been started. */
export interface Timer {
  /** Idempotent; afterwards the work is not run. */
  stop(): void;
}

/** Time as the pool sees it: monotonic, so that a change of the wall clock moves no deadline. Tests have a fake one. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Runs work once, after at least these milliseconds. A background timer does not keep the process alive. */
  start(work: () => void, ms: number, isBackground?: boolean): Timer;
  /**
   * Runs work once everything that had arrived from the network by now has been handled. After a stall of the event
   * loop all timers fire together, before the answers that came in time are read: a deadline asks again here.
   */
  afterIo(work: () => void): void;
}

/** The process's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  start(work, ms, isBackground = false) {
    const timer = setTimeout(work, ms);
    if (isBackground) {
      timer.unref();
    }
    return { stop: () => clearTimeout(timer) };
  },
  afterIo: (work) => void setImmediate(work),
};
