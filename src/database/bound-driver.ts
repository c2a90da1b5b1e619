import type { Configuration, Constructor, EntityManagerType } from '@mikro-orm/core';
import { AbstractSqlDriver, MikroORM } from '@mikro-orm/postgresql';
import { BoundConnection } from './bound-connection.ts';
import { BoundPlatform, SessionPlatform } from './bound-platform.ts';
import { SessionEntityManager } from './session-entity-manager.ts';

/** MikroORM's PostgreSQL driver on a connection that binds values and speaks in DatabaseErrors. */
export class BoundDriver extends AbstractSqlDriver<BoundConnection> {
  constructor(config: Configuration, platform = new BoundPlatform()) {
    super(config, platform, BoundConnection, ['kysely', 'pg']);
  }

  override createEntityManager(useContext?: boolean): this[typeof EntityManagerType] {
    // adapter: MikroORM declares its entity manager for its own driver class only.
    return Reflect.construct(SessionEntityManager, [this.config, this, this.metadata, useContext]);
  }

  override getORMClass(): Constructor<MikroORM> {
    return MikroORM;
  }
}

/** The driver of sessions: values in fragments and sub-queries are bound as well. DDL, which has no parameters, cannot use it. */
export class SessionDriver extends BoundDriver {
  constructor(config: Configuration) {
    super(config, new SessionPlatform());
  }
}
