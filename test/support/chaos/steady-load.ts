import { setTimeout as delay } from 'node:timers/promises';
import { type Exchange, KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { Tally } from './tally.ts';

const TICK_MS = 10;
/** More than can be under way at once while answers come within half a second. */
const CLIENTS = 250;

/** Requests at a steady rate, whether or not the earlier ones are answered. */
export class SteadyLoad {
  answers = new Tally();
  /** How long each took to be answered, in milliseconds. */
  durationsMs: number[] = [];
  readonly #clients: readonly KeepAliveClient[];
  readonly #sending: Promise<void>;
  readonly #underWay = new Set<Promise<void>>();
  #isStopped = false;

  constructor(url: string, path: string, perSecond: number) {
    this.#clients = Array.from({ length: CLIENTS }, () => new KeepAliveClient(url));
    this.#sending = this.#send(path, perSecond);
  }

  /** Forgets what was counted so far. */
  beginAnew(): void {
    this.answers = new Tally();
    this.durationsMs = [];
  }

  /** Resolves when the last request is answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#sending;
    await Promise.all(this.#underWay);
    for (const client of this.#clients) client.close();
  }

  async #send(path: string, perSecond: number): Promise<void> {
    const startedAt = performance.now();
    for (let sent = 0; !this.#isStopped;) {
      const due = ((performance.now() - startedAt) * perSecond) / 1000;
      for (; sent < due; sent += 1) this.#sendOne(path, sent);
      await delay(TICK_MS);
    }
  }

  #sendOne(path: string, index: number): void {
    const sending = this.#clients[index % CLIENTS]?.send('GET', path);
    const done = sending?.then((exchange) => {
      this.#underWay.delete(done ?? Promise.resolve());
      this.#count(exchange);
    });
    if (done !== undefined) this.#underWay.add(done);
  }

  #count(exchange: Exchange): void {
    this.answers.add(nameOfExchange(exchange));
    this.durationsMs.push(exchange.endedAt - exchange.sentAt);
  }
}
