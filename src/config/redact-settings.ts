import type { Settings } from './settings.ts';

/** The settings for printing: plain values, secrets as `[redacted]`, unset ones as null. */
export function redactSettings(settings: Settings): Readonly<Record<string, unknown>> {
  const { connection, ...database } = settings.database;
  return {
    ...settings,
    management: {
      token: settings.management.token?.toString() ?? null,
      listener: settings.management.listener ?? null,
    },
    database: {
      connection:
        connection === undefined
          ? 'embedded PostgreSQL'
          : { ...connection, password: connection.password?.toString() ?? null },
      ...database,
    },
  };
}
