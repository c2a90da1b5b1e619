import type { Ask } from '#database/ask.ts';
import { DatabaseError } from '#database/database-error.ts';
import { asDatabaseError, mapDatabaseError } from '#database/map-database-error.ts';

/** What is known of the server past its pooler: that it answers, and as which database if that was asked; or why it does not. */
export type DirectAnswer = { readonly identity: string | undefined } | DatabaseError;

// The cluster, by the number that it got when it was made and its copies share, and the database in it.
const IDENTITY = `select system_identifier || '/' || oid as identity
  from pg_catalog.pg_control_system(), pg_catalog.pg_database where datname = current_database()`;

/**
 * Which database this is, the same on every way to it; undefined where the role may not know.
 *
 * @throws DatabaseError when there is no answer
 */
export async function identityOf(ask: Ask): Promise<string | undefined> {
  try {
    const [row] = await ask<{ identity: string }>(IDENTITY);
    return row?.identity;
  } catch (error) {
    if (mapDatabaseError(error)?.code === 'DB_PERMISSION') return undefined;
    throw error;
  }
}

/** Asks past the pooler, which database that is unless it is known; never rejects. */
export async function askDirectly(ask: Ask, isWayKnown = false): Promise<DirectAnswer> {
  try {
    if (!isWayKnown) {
      return { identity: await identityOf(ask) };
    }
    await ask('select 1');
    return { identity: undefined };
  } catch (error) {
    return asDatabaseError(error, 'bug: the probe failed');
  }
}

/**
 * What waiting does not mend: the way past the pooler leads to a pooler, or somewhere else. Undefined when it leads to
 * the same database, or when that cannot be known now.
 */
export function wrongWay(
  direct: DirectAnswer,
  pooled: string | undefined,
): DatabaseError | undefined {
  if (direct instanceof DatabaseError) {
    return direct.code === 'CONFIG_INVALID' ? direct : undefined;
  }
  return pooled === undefined || direct.identity === undefined || direct.identity === pooled
    ? undefined
    : new DatabaseError(
        'CONFIG_INVALID',
        'DATABASE_DIRECT_URL and DATABASE_URL lead to different databases: both must name the same one, the latter through the pooler',
      );
}
