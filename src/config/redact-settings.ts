import type { DatabaseConnectionSettings, Settings } from './settings.ts';

/** The settings for printing: plain values, secrets as `[redacted]`, unset ones as null. */
export function redactSettings(settings: Settings): Readonly<Record<string, unknown>> {
  const { connection, direct, migration, reporting, replicas, ...database } = settings.database;
  return {
    ...settings,
    management: {
      token: settings.management.token?.toString() ?? null,
      listener: settings.management.listener ?? null,
    },
    database: {
      connection: connection === undefined ? 'embedded PostgreSQL' : redactConnection(connection),
      direct: direct === undefined ? null : redactConnection(direct),
      migration: migration === undefined ? null : redactConnection(migration),
      reporting: reporting === undefined ? null : redactConnection(reporting),
      replicas: replicas.map(redactConnection),
      ...database,
    },
  };
}

function redactConnection(
  connection: DatabaseConnectionSettings,
): Readonly<Record<string, unknown>> {
  return { ...connection, password: connection.password?.toString() ?? null };
}
