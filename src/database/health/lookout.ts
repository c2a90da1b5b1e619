import { AsyncResource } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';

// Ready 2 s after the server is, not ready 3 s after it is gone: reliability figures of the readiness probe.
const INTERVAL_MS = 1000;
const MAX_JITTER_MS = 100;

/**
 * Has somebody look at a server about once a second, and in between when asked to: one look at a time, none of them in
 * the course of the request that asks for it.
 */
export class Lookout {
  readonly #stopping = new AbortController();
  readonly #look: () => Promise<void>;
  #running: Promise<void> | undefined;
  #looking: Promise<void> | undefined;

  /** `look` never rejects. */
  constructor(look: () => Promise<void>) {
    // A connection that a look opens outlives whoever asked for that look (reliability F40).
    this.#look = AsyncResource.bind(look);
  }

  /** Aborted when it is stopped. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Looks at once, and again and again. */
  start(): void {
    this.#running ??= this.#loop();
  }

  /** Looks now, beside the rhythm; joins a look that is under way. */
  async look(): Promise<void> {
    if (this.signal.aborted) {
      return;
    }
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** Resolves when the last look has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#looking;
  }

  async #loop(): Promise<void> {
    const { signal } = this;
    while (!signal.aborted) {
      await this.look();
      await delay(INTERVAL_MS + Math.random() * MAX_JITTER_MS, undefined, {
        signal,
        ref: false,
      }).catch(() => undefined);
    }
  }
}
