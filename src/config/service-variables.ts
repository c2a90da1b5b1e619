import {
  choice,
  integer,
  listenHost,
  milliseconds,
  orEmpty,
  text,
  withDefault,
  withoutDefault,
} from './setting-kind.ts';
import type { Environment, LogLevel, LogSettings } from './settings.ts';

const SHORTEST_TOKEN = 16;
const SECRET_FILE = 'the path of a file that holds one line';

/** Bearer tokens that an `Authorization` header can carry (RFC 6750, b64token). */
export const MANAGEMENT_TOKEN = {
  allowed: `${SHORTEST_TOKEN} to 512 characters of \`A-Z a-z 0-9 - . _ ~ + / =\``,
  pattern: new RegExp(`^[A-Za-z0-9._~+/=-]{${SHORTEST_TOKEN},512}$`),
} as const;

const ENVIRONMENTS = ['development', 'test', 'production'] as const satisfies Environment[];
const LEVELS = [
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
  'silent',
] as const satisfies LogLevel[];
const FORMATS = ['json', 'pretty'] as const satisfies LogSettings['format'][];

/** Who the process is, where it listens, who may see its inside. */
export const serviceVariables = {
  NODE_ENV: withDefault<Environment>(
    choice(...ENVIRONMENTS),
    'development',
    'what the process is for; the defaults of others depend on it',
  ),
  HOST: withDefault(listenHost, '127.0.0.1', 'what the API listens on; the image sets `0.0.0.0`'),
  PORT: withoutDefault(
    integer(0, 65_535),
    '`3000`; in development the next free one when it is in use',
    'port of the API; 0 picks a free one, the log line says which',
  ),
  MANAGEMENT_HOST: withoutDefault(
    orEmpty(listenHost),
    'unset: as `HOST`',
    'what the management listener listens on; only with `MANAGEMENT_PORT`',
  ),
  MANAGEMENT_PORT: withoutDefault(
    orEmpty(integer(0, 65_535)),
    'unset',
    'port of a listener of their own for `/metrics`, `/pool`, `/info`, `/loglevel` and the details of `/healthz`; 0 picks a free one, the log line says which; unset: they share the port of the API',
  ),
  MANAGEMENT_TOKEN: withoutDefault(
    text(MANAGEMENT_TOKEN.allowed),
    'unset',
    'bearer token for management outside development; unset: closed on the port of the API, open on a listener of its own',
  ),
  MANAGEMENT_TOKEN_FILE: withoutDefault(
    text(SECRET_FILE),
    'unset',
    'file that holds `MANAGEMENT_TOKEN`',
  ),
};

/** How the process ends. */
export const shutdownVariables = {
  SHUTDOWN_DRAIN_MS: withoutDefault(
    milliseconds(0),
    '`0`; `5000` in production',
    'after SIGTERM: not ready, still serving, answering `Connection: close`',
  ),
  SHUTDOWN_GRACE_MS: withDefault(
    milliseconds(0),
    12_000,
    'after the drain: how long requests in flight may take',
  ),
};

/** What the process writes to standard output. */
export const logVariables = {
  LOG_LEVEL: withDefault<LogLevel>(choice(...LEVELS), 'info', 'the least severe level written'),
  LOG_FORMAT: withoutDefault(
    choice(...FORMATS),
    '`pretty` on a terminal in development, else `json`',
    'one JSON object a line, or lines to read; production is always `json`',
  ),
};
