import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { Load } from './load.ts';
import { Tally } from './tally.ts';
import type { WriteHistory } from './write-history.ts';

/** A refused client comes back after this; without it, the test would measure how fast one can be refused. */
const REFUSED_PAUSE_MS = 10;

/** Clients that add users as fast as they are answered, each under an address of its own choice. */
export class UserWriters {
  readonly answers = new Tally();
  /** Answers that are no success and no problem document either. */
  readonly malformed: string[] = [];
  readonly #clients: readonly KeepAliveClient[];
  readonly #load: Load;

  constructor(url: string, count: number, history: WriteHistory) {
    this.#clients = Array.from({ length: count }, () => new KeepAliveClient(url));
    this.#load = new Load(count, async (lane) => {
      const email = `${randomUUID()}@chaos.example`;
      const exchange = await this.#clients[lane]?.send('POST', '/users', { email, name: 'Ada' });
      if (exchange === undefined) return false;
      history.add(email, exchange);
      this.answers.add(nameOfExchange(exchange));
      if (exchange.kind !== 'answer' || exchange.status >= 300) {
        const type = exchange.kind === 'answer' ? exchange.headers['content-type'] : undefined;
        if (type !== 'application/problem+json') this.malformed.push(nameOfExchange(exchange));
        await delay(REFUSED_PAUSE_MS);
      }
      return true;
    });
  }

  /** Resolves when every client has its last answer. */
  async stop(): Promise<void> {
    await this.#load.stop();
    for (const client of this.#clients) client.close();
  }
}
