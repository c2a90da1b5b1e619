import type { FindingText, Rule } from './finding.ts';

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
  {
    id: 'standard-conforming-strings',
    severity: 'warning',
    judge: ({ settings, role }) =>
      isOff(settings['standard_conforming_strings'], {
        message: 'standard_conforming_strings is off: backslashes in literals are escapes',
        advice: `ALTER ROLE ${role.name} SET standard_conforming_strings = on`,
      }),
  },
  {
    id: 'fsync',
    severity: 'warning',
    judge: ({ settings }) =>
      isOff(settings['fsync'], {
        message: 'fsync is off: a crash of the machine may destroy the database',
        advice: 'ALTER SYSTEM SET fsync = on, then SELECT pg_reload_conf()',
      }),
  },
  {
    id: 'full-page-writes',
    severity: 'warning',
    judge: ({ settings }) =>
      isOff(settings['full_page_writes'], {
        message:
          'full_page_writes is off: a crash of the machine may leave half-written pages behind',
        advice: 'ALTER SYSTEM SET full_page_writes = on, then SELECT pg_reload_conf()',
      }),
  },
  {
    id: 'synchronous-commit',
    severity: 'warning',
    judge: ({ settings, role }) =>
      isOff(settings['synchronous_commit'], {
        message: 'synchronous_commit is off: writes that were acknowledged are lost in a crash',
        advice: `ALTER ROLE ${role.name} SET synchronous_commit = on, or ALTER SYSTEM`,
      }),
  },
  {
    id: 'data-checksums',
    severity: 'info',
    judge: ({ settings }) =>
      isOff(settings['data_checksums'], {
        message: 'data_checksums is off: a disk that returns other bytes is not noticed',
        advice: 'pg_checksums --enable, on a server that is stopped',
      }),
  },
];

function isOff(value: string | undefined, text: FindingText): FindingText | undefined {
  return value === 'off' ? text : undefined;
}
