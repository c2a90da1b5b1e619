import type { DatabaseSettings } from '#config/settings.ts';
import { configuredMigrator } from '#database/migrations/find-server.ts';
import type { DatabaseConnection } from './database-options.ts';

/** The connections of one service, each as the role that may do no more than it must. */
export interface WaysToDatabase {
  /** Of the service itself. */
  readonly connection: DatabaseConnection;
  /** Of migrations; throws `CONFIG_INVALID` where the settings name none that can migrate. */
  readonly migration: () => DatabaseConnection;
  /** Of reports; undefined = they are not configured. */
  readonly reporting: DatabaseConnection | undefined;
}

/** Those of the settings; undefined when they name no server, so that the embedded one is meant. */
export function configuredWays(settings: DatabaseSettings): WaysToDatabase | undefined {
  const { connection, reporting } = settings;
  return (
    connection && {
      connection,
      migration: () => configuredMigrator(settings) ?? connection,
      reporting,
    }
  );
}
