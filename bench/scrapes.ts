import type { Participant } from './block.ts';

const INTERVAL_MS = 5000;

/** Reads the metrics of whoever has some, as often as Prometheus would. Disposing ends it. */
export class Scrapes implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #failures = 0;

  constructor(participants: readonly Participant[]) {
    const scraped = participants.filter(({ contestant }) => contestant.isScraped);
    this.#timer = setInterval(() => {
      for (const { server } of scraped) void this.#scrape(server.url);
    }, INTERVAL_MS);
  }

  /** Throws when a scrape has failed. */
  requireNoFailure(): void {
    if (this.#failures > 0) throw new Error(`${this.#failures} scrapes have failed`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #scrape(url: string): Promise<void> {
    try {
      const response = await fetch(`${url}/metrics`);
      await response.text();
      if (!response.ok) this.#failures += 1;
    } catch {
      this.#failures += 1;
    }
  }
}
