import type { EnvironmentValues } from './environment-schema.ts';
import type { FaultList } from './fault-list.ts';
import { TLS_VARIABLES } from './given-tls.ts';
import type { GivenTls } from './given-tls.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';
import { readSecretFile } from './read-secret-file.ts';
import { readSecret } from './read-secret.ts';
import type { ReadSecret } from './read-secret.ts';
import { judgeTls, readTlsVariables } from './read-tls.ts';
import type { FoundConnection } from './read-tls.ts';
import { Secret } from './secret.ts';
import type { DatabaseConnectionSettings, DatabaseSettings } from './settings.ts';

/** Every server that the environment names. */
export type Connections = Pick<
  DatabaseSettings,
  'connection' | 'direct' | 'migration' | 'reporting' | 'replicas'
>;

const MAX_REPLICAS = 8;
/** Further ways to the server, or to copies of it: none makes sense without the server itself. */
const FURTHER = [
  'DATABASE_DIRECT_URL',
  'MIGRATION_DATABASE_URL',
  'REPORTING_DATABASE_URL',
  'DATABASE_REPLICA_URLS',
] as const;

/** Reads the URLs, and the password where a file holds it; what is wrong is noted. */
export function readConnections(values: EnvironmentValues, faults: FaultList): Connections {
  const variables = readTlsVariables(values);
  const found: FoundConnection[] = [];
  const parse = (url: ReadSecret) => {
    const connection = parseUrl(url, variables, faults);
    if (connection !== undefined) found.push({ variable: url.variable, connection });
    return connection;
  };
  const connection = readMain(values, parse, faults);
  const [direct, migration, reporting] = [
    'DATABASE_DIRECT_URL' as const,
    'MIGRATION_DATABASE_URL' as const,
    'REPORTING_DATABASE_URL' as const,
  ].map((variable) => {
    const url = readSecret(variable, values, faults);
    return url && withPasswordOf(connection, parse(url));
  });
  const replicas = readReplicas(values, faults).map((url) =>
    withPasswordOf(connection, parse(url)),
  );
  if (connection === undefined && !isFaulty('DATABASE_URL', faults)) {
    for (const variable of FURTHER.filter((name) => !isFaulty(name, faults))) {
      if (values[variable] !== undefined || values[`${variable}_FILE`] !== undefined) {
        faults.add(variable, 'must be unset when DATABASE_URL is');
      }
    }
  }
  // What hangs on a faulty value is not judged: a mode that is none would make every file look useless.
  const decisive = [TLS_VARIABLES.mode, 'DATABASE_URL', ...FURTHER];
  if (!decisive.some((variable) => isFaulty(variable, faults))) {
    judgeTls(variables, found, faults);
  }
  return {
    connection,
    direct,
    migration,
    reporting,
    replicas: replicas.filter((replica) => replica !== undefined),
  };
}

function readMain(
  values: EnvironmentValues,
  parse: (url: ReadSecret) => DatabaseConnectionSettings | undefined,
  faults: FaultList,
): DatabaseConnectionSettings | undefined {
  const url = readSecret('DATABASE_URL', values, faults);
  const passwordFile = values.DATABASE_PASSWORD_FILE;
  const password = passwordFile === undefined ? undefined : readSecretFile(passwordFile);
  if (password !== undefined && 'fault' in password) {
    faults.add('DATABASE_PASSWORD_FILE', password.fault);
  }
  if (url === undefined) {
    if (isFaulty('DATABASE_URL', faults)) return undefined;
    if (values.NODE_ENV === 'production') faults.add('DATABASE_URL', 'must be set in production');
    if (passwordFile !== undefined) {
      faults.add('DATABASE_PASSWORD_FILE', 'must be unset when DATABASE_URL is');
    }
    return undefined;
  }
  const connection = parse(url);
  if (
    connection === undefined ||
    passwordFile === undefined ||
    password === undefined ||
    'fault' in password
  ) {
    return connection;
  }
  return { ...connection, password: new Secret(password.value), passwordFile };
}

function readReplicas(values: EnvironmentValues, faults: FaultList): ReadSecret[] {
  const urls = readSecret('DATABASE_REPLICA_URLS', values, faults);
  if (urls === undefined) return [];
  const { variable } = urls;
  const replicas = urls.value.split(',').map((value) => ({ variable, value: value.trim() }));
  if (replicas.length > MAX_REPLICAS) {
    faults.add(variable, `must name at most ${MAX_REPLICAS} replicas`);
    return [];
  }
  return replicas;
}

function parseUrl(
  { variable, value }: ReadSecret,
  variables: GivenTls,
  faults: FaultList,
): DatabaseConnectionSettings | undefined {
  const parsed = parseDatabaseUrl(value, variables);
  if ('connection' in parsed) return parsed.connection;
  for (const fault of parsed.faults) faults.add(variable, fault);
  return undefined;
}

/** The same role has the same password on every way to the server: a URL that names none has that of DATABASE_PASSWORD_FILE. */
function withPasswordOf(
  main: DatabaseConnectionSettings | undefined,
  connection: DatabaseConnectionSettings | undefined,
): DatabaseConnectionSettings | undefined {
  if (
    main?.passwordFile === undefined ||
    connection === undefined ||
    connection.password !== undefined ||
    connection.user !== main.user
  ) {
    return connection;
  }
  return { ...connection, password: main.password, passwordFile: main.passwordFile };
}

function isFaulty(variable: string, faults: FaultList): boolean {
  return faults.has(variable) || faults.has(`${variable}_FILE`);
}
