import type pg from 'pg';
import { inject } from 'vitest';
import type { DatabaseConnection, DatabaseOptions } from '#database/database-options.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import { createDatabase, dropDatabase, withClient } from './databases.ts';
import type { TestServerAddress } from './test-server.ts';

/** A database of this test file alone, cloned from the migrated template. */
export class TestDatabase implements AsyncDisposable {
  readonly address: TestServerAddress;

  private constructor(address: TestServerAddress) {
    this.address = address;
  }

  /** Clones the template; `empty` starts from nothing instead. Drop it when the file is done. */
  static async create(options: { readonly empty?: boolean } = {}): Promise<TestDatabase> {
    const { address, template } = inject('postgres');
    const name = await createDatabase(address, options.empty === true ? 'template1' : template);
    return new TestDatabase({ ...address, database: name });
  }

  get connection(): DatabaseConnection {
    const { host, port, user, database, password } = this.address;
    return { host, port, user, database, password: { reveal: () => password } };
  }

  /** What a session manager is initialised with; through the pooler of the project, if it has one. */
  options(overrides: Partial<DatabaseOptions> = {}): DatabaseOptions {
    const isPooled = this.#pooler !== undefined && overrides.connection === undefined;
    const pooled = isPooled && {
      connection: { ...this.connection, ...this.#pooler },
      pooler: 'pgbouncer' as const,
    };
    return { ...DEFAULT_DATABASE_OPTIONS, connection: this.connection, ...pooled, ...overrides };
  }

  /** What a service finds it by; through the pooler of the project, if it has one. */
  get env(): Readonly<Record<string, string>> {
    return this.#pooler === undefined
      ? { DATABASE_URL: this.url }
      : {
          DATABASE_URL: urlOf({ ...this.address, ...this.#pooler }),
          DATABASE_DIRECT_URL: this.url,
          DB_POOLER: 'pgbouncer',
        };
  }

  get url(): string {
    return urlOf(this.address);
  }

  get #pooler(): { readonly host: string; readonly port: number } | undefined {
    return inject('postgres').pooler;
  }

  /** Asks the server on a connection past the pool. */
  async query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<R[]> {
    return await withClient(
      this.address,
      async (client) => (await client.query<R>(text, [...values])).rows,
    );
  }

  async drop(): Promise<void> {
    const { address } = inject('postgres');
    await dropDatabase(address, this.address.database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }
}

function urlOf({ host, port, user, password, database }: TestServerAddress): string {
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgresql://${credentials}@${host}:${port}/${encodeURIComponent(database)}`;
}
