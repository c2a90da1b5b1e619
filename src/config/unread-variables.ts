import { nearest } from './nearest.ts';
import { provisionVariables } from './provision-variables.ts';
import { testVariables } from './test-variables.ts';

/** What pg and libpq would obey in place of, or besides, the settings (libpq 34.15). */
export const LIBPQ_VARIABLES = [
  'PGHOST',
  'PGHOSTADDR',
  'PGPORT',
  'PGDATABASE',
  'PGUSER',
  'PGPASSWORD',
  'PGPASSFILE',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGOPTIONS',
  'PGAPPNAME',
  'PGBINARY',
  'PGCLIENT_ENCODING',
  'PGCLIENTENCODING',
  'PGREPLICATION',
  'PGCONNECT_TIMEOUT',
  'PGSSLMODE',
  'PGSSLCERT',
  'PGSSLKEY',
  'PGSSLROOTCERT',
  'PGSSLCRL',
  'PGSSLNEGOTIATION',
  'PGREQUIRESSL',
  'PGREQUIREAUTH',
  'PGCHANNELBINDING',
  'PGTARGETSESSIONATTRS',
  'PGLOADBALANCEHOSTS',
  'PGTZ',
  'PGDATESTYLE',
  'PGGEQO',
] as const;

const PREFIX =
  /^(?:DB|DATABASE|REPORTING|MIGRATION|PROVISION_DATABASE|HTTP|MANAGEMENT|SHUTDOWN|LOG|CORS|TRUST|MIGRATE|TEST_DATABASE|TEST_POSTGRES)_/i;
/** `http_proxy`, and what Docker links and Kubernetes set for a service called `db`. */
const FOREIGN = /^HTTP_PROXY$|_SERVICE_(?:HOST|PORT)|_PORT_\d+_/i;
const ASKS_FOR_TLS = /^(?:DB|DATABASE)_(?:SSL|TLS)/i;

/** What the environment holds besides settings, judged: refusals by variable, and warnings. */
export interface UnreadVariables {
  readonly refused: readonly { readonly variable: string; readonly fault: string }[];
  readonly warnings: readonly string[];
}

/**
 * Judges the variables that no setting reads: one that asks for TLS is refused, so that nobody gets a
 * plain-text connection by a misspelling; one that looks like a setting is warned about.
 */
export function judgeUnreadVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): UnreadVariables {
  const others = { ...testVariables, ...provisionVariables };
  const unread = Object.keys(env)
    .filter((name) => env[name] !== undefined && /^\w{2,64}$/.test(name))
    .filter((name) => !known.includes(name) && !(name in others))
    .toSorted();

  const refused = unread
    .filter((name) => ASKS_FOR_TLS.test(name) && env[name] !== '')
    .map((variable) => ({
      variable,
      fault:
        'must be unset: what asks for TLS is DB_SSL_MODE, DB_SSL_ROOT_CERT, DB_SSL_CERT and DB_SSL_KEY',
    }));
  const libpq = unread.filter((name) => LIBPQ_VARIABLES.some((ignored) => ignored === name));
  const suspects = unread.filter((name) => !ASKS_FOR_TLS.test(name) && !isForeign(name, env[name]));
  return {
    refused,
    warnings: [
      ...suspects.flatMap((name) => warning(name, known)),
      ...libpq.map((name) => `${name} is ignored: DATABASE_URL alone says which database is used`),
    ],
  };
}

function warning(name: string, known: readonly string[]): string[] {
  const near = nearest(name.toUpperCase(), known);
  const isNear =
    near !== undefined && near.distance <= (PREFIX.test(name) ? Math.ceil(name.length / 4) : 1);
  if (!PREFIX.test(name) && !(isNear && near.name.length >= 8)) return [];
  return [
    `${name} is not a setting of this version${isNear ? `; did you mean ${near.name}?` : ''}`,
  ];
}

function isForeign(name: string, value = ''): boolean {
  return FOREIGN.test(name) || (name.endsWith('_PORT') && /^(?:tcp|udp):/.test(value));
}
