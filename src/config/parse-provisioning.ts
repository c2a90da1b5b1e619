import { z } from 'zod';

import { ConfigError } from './config-error.ts';
import { environmentSchema } from './environment-schema.ts';
import { FaultList } from './fault-list.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';
import type { EnvironmentVariables } from './parse-settings.ts';
import { provisionVariables } from './provision-variables.ts';
import { readSecret } from './read-secret.ts';
import { judgeTls, readTlsVariables } from './read-tls.ts';
import type { DatabaseConnectionSettings, DatabaseSettings } from './settings.ts';

/** Who provides a server with roles, and for whom. */
export interface Provisioning {
  readonly administrator: DatabaseConnectionSettings;
  readonly app: DatabaseConnectionSettings;
  readonly owner: DatabaseConnectionSettings;
  /** Undefined = REPORTING_DATABASE_URL is unset. */
  readonly reader: DatabaseConnectionSettings | undefined;
}

/**
 * Reads PROVISION_DATABASE_URL, which must name the database of MIGRATION_DATABASE_URL, by another role. Undefined without a
 * DATABASE_URL: the embedded server is meant. Throws ConfigError.
 */
export function parseProvisioning(
  env: EnvironmentVariables,
  { connection: app, migration: owner, reporting: reader }: DatabaseSettings,
): Provisioning | undefined {
  if (app === undefined) return undefined;
  const faults = new FaultList();
  const administrator = readAdministrator(env, faults);
  if (owner === undefined) {
    faults.add('MIGRATION_DATABASE_URL', 'must be set: it names the role that owns the tables');
  } else if (administrator !== undefined && owner.database !== administrator.database) {
    faults.add('PROVISION_DATABASE_URL', 'must name the database of MIGRATION_DATABASE_URL');
  }
  const users = [administrator, owner, app, reader].flatMap((role) => role?.user ?? []);
  if (new Set(users).size < users.length) {
    faults.add(
      'PROVISION_DATABASE_URL',
      'must name another role than DATABASE_URL, MIGRATION_DATABASE_URL and REPORTING_DATABASE_URL, and each of these another one',
    );
  }
  if (faults.lines().length > 0 || administrator === undefined || owner === undefined) {
    throw new ConfigError(faults.lines());
  }
  return { administrator, app, owner, reader };
}

function readAdministrator(
  env: EnvironmentVariables,
  faults: FaultList,
): DatabaseConnectionSettings | undefined {
  const url = readSecret('PROVISION_DATABASE_URL', z.object(provisionVariables).parse(env), faults);
  if (url === undefined) {
    if (!faults.has('PROVISION_DATABASE_URL_FILE')) {
      faults.add('PROVISION_DATABASE_URL', 'must be set: it names the administrator');
    }
    return undefined;
  }
  const parsed = parseDatabaseUrl(url.value, readTlsVariables(environmentSchema.parse(env)));
  if ('connection' in parsed) {
    judgeTls({}, [{ variable: url.variable, connection: parsed.connection }], faults);
    return parsed.connection;
  }
  for (const fault of parsed.faults) faults.add(url.variable, fault);
  return undefined;
}
