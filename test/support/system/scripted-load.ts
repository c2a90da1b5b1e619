import { setTimeout as delay } from 'node:timers/promises';
import { newEmail } from '#test/support/api-rows.ts';
import { Load } from '#test/support/chaos/load.ts';

/** More than there are connections and less than the queue takes. */
const SATURATING_LANES = 12;
const HELD_MS = 300;
const SLOW_LANES = 3;
const SLOW_MS = 600;
const PAUSE_MS = 20;

/** Settings under which a small load does everything that alerts are for. */
export const LOAD_ENV = {
  MANAGEMENT_TOKEN: 'c4n4ry-scripted-load',
  MIGRATE_ON_START: 'true',
  DB_POOL_SIZE: '2',
  DB_MAX_OVERFLOW: '1',
  DB_QUEUE_LIMIT: '15',
  DB_ACQUIRE_TIMEOUT_MS: '1900',
  DB_LEAK_THRESHOLD_MS: '500',
  DB_SLOW_QUERY_MS: '100',
} as const;

/** Requests to the service with the faulty routes, in bounded numbers. */
export class ScriptedLoad {
  readonly #url: string;
  /** Answers so far, by status; 0 is none. */
  readonly statuses: Record<number, number> = {};
  /** What who reads must send to see what was written last. */
  #readAfter = '';

  constructor(url: string) {
    this.#url = url;
  }

  /** What clients do all day, mistakes and a bug included. */
  async everyday(): Promise<void> {
    const user = await this.#send('POST', '/users', { email: newEmail(), name: 'Ada' });
    const { id } = user as { id: string }; // adapter: POST /users has answered
    await this.#send('POST', '/teams', { name: 'Engines', ownerId: id });
    await this.#send('PATCH', `/users/${id}`, { name: 'Ada L.' });
    await this.#send('GET', `/users/${id}`, undefined, { 'read-after': this.#readAfter });
    for (const path of ['/users?limit=5', '/teams?include=members', '/readyz']) {
      await this.#send('GET', path);
    }
    await this.#send('POST', '/users', { email: 'nobody' });
    await this.#send('GET', '/nowhere');
    await this.#send('GET', '/test/broken');
    await this.#send('DELETE', `/users/${id}`);
    await delay(PAUSE_MS);
  }

  /** Has every connection replaced. */
  async replaceConnections(): Promise<void> {
    await this.#send('POST', '/pool/evict');
  }

  /** One route that sends a statement for each of 40 things. */
  async statementsByTheDozen(): Promise<void> {
    await this.#send('GET', '/test/statements/40');
  }

  /** Statements that take more than half a second, until it is stopped. */
  slowStatements(): Load {
    return new Load(SLOW_LANES, async () => {
      await this.#send('GET', `/test/slow/${SLOW_MS}`);
      return true;
    });
  }

  /** A session that keeps its connection beyond the threshold. */
  async leak(): Promise<void> {
    await this.#send('POST', '/test/held/1200');
  }

  async deadlock(): Promise<void> {
    await Promise.all([
      this.#send('POST', '/test/locks/1/2'),
      this.#send('POST', '/test/locks/2/1'),
    ]);
  }

  /** More at once than the queue takes, each longer than others will wait. */
  async flood(): Promise<void> {
    await Promise.all(Array.from({ length: 30 }, () => this.#send('POST', '/test/held/2000')));
  }

  /** All connections held and somebody waiting, until it is stopped. */
  saturate(): Load {
    return new Load(SATURATING_LANES, async () => {
      await this.#send('POST', `/test/held/${HELD_MS}`);
      return true;
    });
  }

  /** Goes on asking while nobody can be served, until it is stopped. */
  insist(): Load {
    return new Load(2, async () => {
      await this.#send('GET', '/users?limit=1');
      await delay(PAUSE_MS);
      return true;
    });
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...headers,
        authorization: `Bearer ${LOAD_ENV.MANAGEMENT_TOKEN}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    this.#readAfter = response.headers.get('read-after') ?? this.#readAfter;
    this.statuses[response.status] = (this.statuses[response.status] ?? 0) + 1;
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  }
}
