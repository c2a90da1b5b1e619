import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A PostgreSQL of the system. */
export interface InstalledPostgres {
  readonly major: number;
  /** Where `initdb` and `postgres` are. */
  readonly binDir: string;
}

/** Where Debian and its kin put every major version. */
const INSTALLED = '/usr/lib/postgresql';
/** The oldest that the service supports, and the first that needs no run of its own. */
const OLDEST = 15;
const EMBEDDED = 18;

/** The oldest supported PostgreSQL of the system that is older than the embedded one; undefined when there is none. */
function findOldest(): InstalledPostgres | undefined {
  if (!existsSync(INSTALLED)) {
    return undefined;
  }
  const [oldest] = readdirSync(INSTALLED)
    .map((name) => ({ major: Number(name), binDir: join(INSTALLED, name, 'bin') }))
    .filter(({ major }) => major >= OLDEST && major < EMBEDDED)
    .filter(({ binDir }) => existsSync(join(binDir, 'initdb')))
    .toSorted((one, other) => one.major - other.major);
  return oldest;
}

const { TEST_POSTGRES: server, TEST_DATABASE_URL: url } = process.env;
/** A server that was asked for by name has one version. */
const isWanted = server ? server === 'embedded' : !url;

/** Whether this run is to be made on the oldest supported version as well, and where that is. */
export const oldestPostgres = {
  isWanted,
  installed: isWanted ? findOldest() : undefined,
  /** Set by `npm run test:oldest`: all that can run there, in place of what its version has a part in. */
  isFull: process.env['OLDEST_FULL'] === '1',
} as const;
