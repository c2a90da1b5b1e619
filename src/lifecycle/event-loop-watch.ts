import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const WINDOW_MS = 10_000;
const NANOSECONDS_PER_MS = 1e6;

/** Measures how late the event loop runs, over the present window of ten seconds. */
export class EventLoopWatch {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #windowStart = performance.now();

  constructor() {
    this.#delays.enable();
  }

  /** The 99th percentile of the delay in milliseconds; 0 before the first sample. */
  p99Ms(): number {
    const delay = this.#delays.count === 0 ? 0 : this.#delays.percentile(99) / NANOSECONDS_PER_MS;
    if (performance.now() - this.#windowStart > WINDOW_MS) {
      this.#windowStart = performance.now();
      this.#delays.reset();
    }
    // The histogram measures from tick to tick: on time is one resolution.
    return Math.max(0, delay - RESOLUTION_MS);
  }

  stop(): void {
    this.#delays.disable();
  }
}
