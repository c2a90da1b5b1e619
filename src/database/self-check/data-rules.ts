import type { Rule } from './finding.ts';

/** Names of the one time zone in which days and months begin as the API says. */
const UTC_NAMES: ReadonlySet<string> = new Set([
  'utc',
  'etc/utc',
  'uct',
  'etc/uct',
  'zulu',
  'etc/zulu',
  'universal',
  'etc/universal',
  'gmt',
  'etc/gmt',
]);

/** What becomes of the data: how they are read, and whether they are kept. */
export const DATA_RULES: readonly Rule[] = [
  {
    id: 'time-zone',
    severity: 'warning',
    judge({ settings: { TimeZone: zone = 'UTC' }, role }) {
      if (UTC_NAMES.has(zone.toLowerCase())) return undefined;
      return {
        message: `sessions have the time zone ${zone}: what is truncated to days, weeks or months is another day than in UTC`,
        advice: `ALTER ROLE ${role.name} SET timezone = 'UTC'`,
      };
    },
  },
  {
    id: 'encoding',
    severity: 'warning',
    judge({ database: { encoding } }) {
      if (encoding === 'UTF8') return undefined;
      return {
        message: `the database has the encoding ${encoding}: text of the API is refused, or compared byte by byte`,
        advice: `move the data to a database made with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
      };
    },
  },
  {
    id: 'collation-version',
    severity: 'warning',
    judge({ database: { name, collationVersion, actualCollationVersion } }) {
      if (collationVersion === actualCollationVersion || actualCollationVersion === undefined) {
        return undefined;
      }
      return {
        message: `indexes on text were made with version ${collationVersion ?? 'none'} of the collation, and the server sorts by ${actualCollationVersion}: rows may not be found, unique values be stored twice`,
        advice: `REINDEX DATABASE ${name}, then ALTER DATABASE ${name} REFRESH COLLATION VERSION`,
      };
    },
  },
  mustBeOn({
    name: 'standard_conforming_strings',
    harm: 'backslashes in literals are escapes',
    advise: (role) => `ALTER ROLE ${role} SET standard_conforming_strings = on`,
  }),
  mustBeOn({
    name: 'fsync',
    harm: 'a crash of the machine may destroy the database',
    advise: () => 'ALTER SYSTEM SET fsync = on, then SELECT pg_reload_conf()',
  }),
  mustBeOn({
    name: 'full_page_writes',
    harm: 'a crash of the machine may leave half-written pages behind',
    advise: () => 'ALTER SYSTEM SET full_page_writes = on, then SELECT pg_reload_conf()',
  }),
  mustBeOn({
    name: 'synchronous_commit',
    harm: 'writes that were acknowledged are lost in a crash',
    advise: (role) => `ALTER ROLE ${role} SET synchronous_commit = on, or ALTER SYSTEM`,
  }),
  mustBeOn({
    name: 'data_checksums',
    severity: 'info',
    harm: 'a disk that returns other bytes is not noticed',
    advise: () => 'pg_checksums --enable, on a server that is stopped',
  }),
];

/** A setting of the server, and what follows where it is off; a warning unless told otherwise. */
interface Switch extends Partial<Pick<Rule, 'severity'>> {
  readonly name: string;
  readonly harm: string;
  readonly advise: (role: string) => string;
}

function mustBeOn({ name, severity = 'warning', harm, advise }: Switch): Rule {
  return {
    id: name.replaceAll('_', '-'),
    severity,
    judge: ({ settings, role }) =>
      settings[name] === 'off'
        ? { message: `${name} is off: ${harm}`, advice: advise(role.name) }
        : undefined,
  };
}
