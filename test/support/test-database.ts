import type pg from 'pg';
import { inject } from 'vitest';
import type { DatabaseConnection, DatabaseOptions } from '#database/database-options.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import type { RoleKind } from '#database/provision/provision-request.ts';
import { createDatabase, dropDatabase, withClient } from './databases.ts';
import { admitRoles, asRole } from './test-roles.ts';
import type { TestRoles } from './test-roles.ts';
import type { TestServerAddress } from './test-server.ts';

/** A database of this test file alone, cloned from the migrated template. */
export class TestDatabase implements AsyncDisposable {
  /** As the administrator. */
  readonly address: TestServerAddress;
  readonly roles: TestRoles;

  private constructor(address: TestServerAddress, roles: TestRoles) {
    this.address = address;
    this.roles = roles;
  }

  /** Clones the template; `empty` starts from nothing instead. Drop it when the file is done. */
  static async create(options: { readonly empty?: boolean } = {}): Promise<TestDatabase> {
    const { address, template, roles } = inject('postgres');
    const name = await createDatabase(address, options.empty === true ? 'template1' : template);
    const database = new TestDatabase({ ...address, database: name }, roles);
    await admitRoles(database.address, roles);
    return database;
  }

  /** As the administrator. */
  get connection(): DatabaseConnection {
    return asRole(this.address, this.address);
  }

  /** As one of the roles that a service runs with in production. */
  as(kind: RoleKind): DatabaseConnection {
    return asRole(this.address, this.roles[kind]);
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

  /** As the administrator. */
  get url(): string {
    return urlOf(this.address);
  }

  /** Of the same database on the run's replica; undefined: there is none. */
  get replicaUrl(): string | undefined {
    const { replica } = inject('postgres');
    return replica && urlOf({ ...this.address, host: replica.host, port: replica.port });
  }

  /** As one of the roles, past every pooler. */
  urlAs(kind: RoleKind): string {
    return urlOf({ ...this.address, ...this.roles[kind] });
  }

  /** Whether sessions go through the pooler of the project. */
  get isPooled(): boolean {
    return this.#pooler !== undefined;
  }

  get #pooler(): { readonly host: string; readonly port: number } | undefined {
    return inject('postgres').pooler;
  }

  /** Asks the server as the administrator, on a connection past the pool. */
  async query<R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<R[]> {
    return await withClient(
      this.address,
      async (client) => (await client.query<R>(text, [...values])).rows,
    );
  }

  /** Runs one statement as the owner of the tables: what it makes, the service may use, as what a migration makes. */
  async define(text: string): Promise<void> {
    await withClient({ ...this.address, ...this.roles.owner }, (client) => client.query(text));
  }

  /** Makes a role that may connect, and nothing else that its options do not say. */
  async createRole(role: string, options: string): Promise<void> {
    await this.query(`create role "${role}" ${options};
      grant connect on database "${this.address.database}" to "${role}"`);
  }

  async dropRole(role: string): Promise<void> {
    await this.query(`drop owned by "${role}" cascade; drop role "${role}"`);
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
