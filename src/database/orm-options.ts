import type { Constructor, EntitySchema } from '@mikro-orm/core';
import type { Options, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { PostgresDialect } from 'kysely';
import type { PostgresPool } from 'kysely';
import { BoundCursor } from './bound-cursor.ts';
import { BoundDriver } from './bound-driver.ts';

/** What differs between the ORMs of one process. */
export interface OrmParts {
  readonly pool: PostgresPool;
  readonly database: string;
  readonly entities: readonly EntitySchema[];
  /** Unique in the process: sessions of two managers must not find each other. */
  readonly contextName: string;
  /** The one of migrations, which write DDL, unless told. */
  readonly driver?: Constructor<BoundDriver>;
}

/** MikroORM's options on our pool, our driver and nothing of the environment. */
export function ormOptions({
  pool,
  database,
  entities,
  contextName,
  driver = BoundDriver,
}: OrmParts): Options {
  return {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: a driver with PostgreSQL's platform that is not declared as a subclass of MikroORM's own.
    driver: driver as unknown as typeof PostgreSqlDriver,
    driverOptions: () => new PostgresDialect({ pool, cursor: BoundCursor }),
    dbName: database,
    entities: [...entities],
    contextName,
    discovery: { warnWhenNoEntities: false },
    allowGlobalContext: false,
    forceUtcTimezone: true,
    ensureDatabase: false,
    debug: false,
    // Statements and values of others' code never reach our output; what matters reaches the observer.
    logger: () => undefined,
  };
}
