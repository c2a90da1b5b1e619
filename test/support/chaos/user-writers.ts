import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Exchange, KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { Load } from './load.ts';
import { Tally } from './tally.ts';
import type { WriteHistory } from './write-history.ts';

/** A refused client comes back after this; without it, the test would measure how fast one can be refused. */
const REFUSED_PAUSE_MS = 10;

/** Clients that add users as fast as they are answered, each under an address of its own choice. */
export class UserWriters {
  readonly answers = new Tally();
  /** Failures without a problem document, or without saying when to come back. */
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
      if (nameOfExchange(exchange) !== '201') {
        if (!isHonestFailure(exchange)) this.malformed.push(nameOfExchange(exchange));
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

function isHonestFailure(exchange: Exchange): boolean {
  return (
    exchange.kind === 'answer' &&
    exchange.headers['content-type'] === 'application/problem+json' &&
    (exchange.status !== 503 || exchange.headers['retry-after'] !== undefined)
  );
}
