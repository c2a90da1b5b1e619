import { ExceptionConverter } from '@mikro-orm/core';
import type {
  Configuration,
  Constructor,
  DriverException,
  EntityManagerType,
} from '@mikro-orm/core';
import { AbstractSqlDriver, MikroORM, PostgreSqlPlatform } from '@mikro-orm/postgresql';
import { BoundConnection } from './bound-connection.ts';
import { mapDatabaseError } from './map-database-error.ts';
import { SessionEntityManager } from './session-entity-manager.ts';

/** Leaves errors that are mapped already as they are; MikroORM's own classes would repeat PostgreSQL's DETAIL. */
class BoundExceptionConverter extends ExceptionConverter {
  override convertException(error: Error): DriverException {
    return (mapDatabaseError(error) ?? error) as DriverException; // adapter: MikroORM only rethrows it
  }
}

class BoundPlatform extends PostgreSqlPlatform {
  protected override readonly exceptionConverter = new BoundExceptionConverter();
}

/** MikroORM's PostgreSQL driver on a connection that binds values and speaks in DatabaseErrors. */
export class BoundDriver extends AbstractSqlDriver<BoundConnection> {
  constructor(config: Configuration) {
    super(config, new BoundPlatform(), BoundConnection, ['kysely', 'pg']);
  }

  override createEntityManager(useContext?: boolean): this[typeof EntityManagerType] {
    // adapter: MikroORM declares its entity manager for its own driver class only.
    return Reflect.construct(SessionEntityManager, [this.config, this, this.metadata, useContext]);
  }

  override getORMClass(): Constructor<MikroORM> {
    return MikroORM;
  }
}
