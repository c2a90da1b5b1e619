import type pg from 'pg';
import { innerConnection } from './inner-connection.ts';
import { PREPARED_PER_CONNECTION } from './statement-names.ts';

/** What one connection has prepared on the server. */
export class PreparedStatements {
  readonly #client: pg.Client;
  readonly #sent = new Set<string>();
  #timesForgotten = 0;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  get size(): number {
    return this.#sent.size;
  }

  /** The name under which the connection prepares a statement, or undefined when it has prepared as many as it may. */
  prepare(name: string): string | undefined {
    const sent = `${name}_${this.#timesForgotten}`;
    if (!this.#sent.has(sent) && this.#sent.size >= PREPARED_PER_CONNECTION) {
      return undefined;
    }
    this.#sent.add(sent);
    return sent;
  }

  /** Call when a statement that was sent under this name has failed: the server may have refused to prepare it. */
  failed(sent: string): void {
    const known: unknown = Reflect.get(innerConnection(this.#client), 'parsedStatements');
    if (typeof known !== 'object' || known === null || !Object.hasOwn(known, sent)) {
      this.#sent.delete(sent);
    }
  }

  /** Call when the server has dropped what was prepared, or some of it: what is prepared now gets other names. */
  forget(): void {
    this.#timesForgotten += 1;
    this.#sent.clear();
    // adapter: pg takes a name that it has sent once for prepared for ever; its list is not public.
    Reflect.set(innerConnection(this.#client), 'parsedStatements', {});
  }
}
