import { randomUUID } from 'node:crypto';
import { type Exchange, KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { Load } from './load.ts';
import { Tally } from './tally.ts';
import { until } from '#test/support/until.ts';

/** Clients that list, read, add and change users and read teams, one after the other, each with a user of its own. */
export class UserReadersAndWriters {
  answers = new Tally();
  readonly #clients: readonly KeepAliveClient[];
  readonly #load: Load;

  constructor(url: string, count: number) {
    this.#clients = Array.from({ length: count }, () => new KeepAliveClient(url));
    const turns: number[] = Array(count).fill(0);
    const ids: string[] = Array(count).fill('');
    this.#load = new Load(count, async (lane) => {
      const client = this.#clients[lane];
      if (client === undefined) return false;
      const turn = turns[lane] ?? 0;
      const exchange = await stepOf(client, turn, ids[lane] ?? '');
      this.answers.add(nameOfExchange(exchange));
      ids[lane] = idOf(exchange) ?? ids[lane] ?? '';
      turns[lane] = turn + 1;
      return true;
    });
  }

  /** Begins a new tally and returns the one so far. */
  takeAnswers(): Tally {
    const taken = this.answers;
    this.answers = new Tally();
    return taken;
  }

  /** Resolves when so many more requests have been answered. */
  async served(count: number): Promise<void> {
    const wanted = this.answers.count() + count;
    await until(`${count} more answers`, () => (this.answers.count() >= wanted ? true : undefined));
  }

  /** Resolves when every client has its last answer. */
  async stop(): Promise<void> {
    await this.#load.stop();
    for (const client of this.#clients) client.close();
  }
}

async function stepOf(client: KeepAliveClient, turn: number, id: string): Promise<Exchange> {
  const step = turn % 6;
  if (id === '' || step === 0) {
    const email = `${randomUUID()}@chaos.example`;
    return await client.send('POST', '/users', { email, name: 'Ada' });
  }
  switch (step) {
    case 1:
      return await client.send('PATCH', `/users/${id}`, { name: `Ada ${turn}` });
    case 2:
      return await client.send('GET', '/users?limit=5');
    case 3:
      return await client.send('GET', '/teams?limit=5&include=members');
    default:
      return await client.send('GET', `/users/${id}`);
  }
}

/** The id of the user that was answered. */
function idOf(exchange: Exchange): string | undefined {
  if (exchange.kind !== 'answer' || exchange.status !== 201) return undefined;
  const { body } = exchange;
  const id: unknown = typeof body === 'object' && body !== null && Reflect.get(body, 'id');
  return typeof id === 'string' ? id : undefined;
}
