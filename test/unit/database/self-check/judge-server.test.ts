import { describe, expect, it } from 'vitest';
import { judgeServer, SERVER_RULES } from '#database/self-check/judge-server.ts';
import type { FactsOverrides } from '#test/support/server-facts-of.ts';
import { serverFactsOf, servicePlanOf } from '#test/support/server-facts-of.ts';

type Env = Readonly<Record<string, string>>;

/** Ids of what is found, in the order in which it is told. */
function idsOf(facts: FactsOverrides, env: Env = {}): string[] {
  const found = serverFactsOf(facts);
  return judgeServer({ ...found, facts: found }, servicePlanOf(env)).map(({ id }) => id);
}

const setting = (name: string, value: number | string): FactsOverrides => ({
  settings: { [name]: String(value) },
});
const DAY = 86_400;
const LOGGED = { log_min_duration_statement: '0' };

/** What is just right, and what is just not. */
const LIMITS: readonly (readonly [string, FactsOverrides, FactsOverrides])[] = [
  ['server-version-new', { versionNumber: 189_999 }, { versionNumber: 190_000 }],
  ['connections-exceed-server', setting('max_connections', 22), setting('max_connections', 21)],
  [
    'connections-exceed-role-limit',
    { role: { connectionLimit: 19 } },
    { role: { connectionLimit: 18 } },
  ],
  [
    'connections-exceed-database-limit',
    { database: { connectionLimit: 19 } },
    { database: { connectionLimit: 18 } },
  ],
  ['statement-timeout', setting('statement_timeout', 9999), setting('statement_timeout', 10_000)],
  ['lock-timeout', setting('lock_timeout', 4999), setting('lock_timeout', 5000)],
  [
    'idle-in-transaction-timeout',
    setting('idle_in_transaction_session_timeout', 1),
    setting('idle_in_transaction_session_timeout', 0),
  ],
  [
    'transaction-timeout',
    setting('transaction_timeout', 10_001),
    setting('transaction_timeout', 10_000),
  ],
  [
    'idle-session-timeout',
    setting('idle_session_timeout', 1_800_001),
    setting('idle_session_timeout', 1_800_000),
  ],
  [
    'client-check-interval',
    setting('client_connection_check_interval', 1),
    setting('client_connection_check_interval', 0),
  ],
  ['keepalive', setting('tcp_keepalives_idle', 600), setting('tcp_keepalives_idle', 601)],
  [
    'password-expires',
    { role: { passwordSecondsLeft: 14 * DAY + 1 } },
    { role: { passwordSecondsLeft: 14 * DAY } },
  ],
  ['time-zone', setting('TimeZone', 'Etc/UTC'), setting('TimeZone', 'Europe/London')],
  ['encoding', { database: { encoding: 'UTF8' } }, { database: { encoding: 'SQL_ASCII' } }],
  [
    'collation-version',
    { database: { collationVersion: undefined, actualCollationVersion: undefined } },
    { database: { collationVersion: '2.36', actualCollationVersion: '2.41' } },
  ],
  [
    'standard-conforming-strings',
    setting('standard_conforming_strings', 'on'),
    setting('standard_conforming_strings', 'off'),
  ],
  ['fsync', setting('fsync', 'on'), setting('fsync', 'off')],
  ['full-page-writes', setting('full_page_writes', 'on'), setting('full_page_writes', 'off')],
  [
    'synchronous-commit',
    setting('synchronous_commit', 'local'),
    setting('synchronous_commit', 'off'),
  ],
  ['data-checksums', setting('data_checksums', 'on'), setting('data_checksums', 'off')],
  [
    'log-parameters',
    { settings: { ...LOGGED, log_parameter_max_length: '0' } },
    { settings: { ...LOGGED, log_parameter_max_length: '1' } },
  ],
  [
    'log-parameters-on-error',
    setting('log_parameter_max_length_on_error', 0),
    setting('log_parameter_max_length_on_error', -1),
  ],
  [
    'log-error-detail',
    setting('log_error_verbosity', 'terse'),
    setting('log_error_verbosity', 'default'),
  ],
  ['track-activities', setting('track_activities', 'on'), setting('track_activities', 'off')],
  ['role-superuser', { role: { isSuperuser: false } }, { role: { isSuperuser: true } }],
  ['role-attributes', { role: { attributes: [] } }, { role: { attributes: ['CREATEDB'] } }],
  ['role-owns-tables', { role: { ownedTables: 0 } }, { role: { ownedTables: 1 } }],
  [
    'role-may-create',
    { role: { mayCreateInSchema: false } },
    { role: { mayCreateInDatabase: true } },
  ],
  [
    'role-may-create-temporary',
    { role: { mayCreateTemporary: false } },
    { role: { mayCreateTemporary: true } },
  ],
  [
    'role-sees-own-sessions',
    { role: { seesAllSessions: true } },
    { role: { seesAllSessions: false } },
  ],
  [
    'migrations-unreadable',
    { role: { readsMigrations: true } },
    { role: { readsMigrations: false } },
  ],
  [
    'statement-statistics',
    { statementStatistics: { isLoaded: true, isInstalled: true } },
    { statementStatistics: { isLoaded: true, isInstalled: false } },
  ],
  ['host-figures', { hasHostFigures: true }, { hasHostFigures: false }],
];

describe('a server as the service would have it', () => {
  it('gives nothing to find', () => {
    expect(idsOf({})).toEqual([]);
  });

  it.each(LIMITS)('gives nothing to find at the limit of %s either', (_id, right) => {
    expect(idsOf(right)).toEqual([]);
  });
});

describe('a finding', () => {
  it.each(LIMITS)('is %s, and nothing else, just past its limit', (id, _right, wrong) => {
    expect(idsOf(wrong)).toEqual([id]);
  });

  it('can be each of the rules', () => {
    expect(LIMITS.map(([id]) => id)).toEqual(SERVER_RULES.map(({ id }) => id));
  });

  it.each(LIMITS)('%s says in one line each what is, and what to do', (_id, _right, wrong) => {
    const facts = serverFactsOf(wrong);

    const [finding] = judgeServer({ ...facts, facts }, servicePlanOf());

    expect(finding?.message).toMatch(/^[^\n]+[^.\n]$/);
    expect(finding?.advice).toMatch(/^[^\n]+[^.\n]$/);
    expect(JSON.stringify(finding)).not.toMatch(/undefined|null|NaN|\[object/);
  });

  it('that warns comes before one that informs', () => {
    expect(
      idsOf({ settings: { tcp_keepalives_idle: '7200', fsync: 'off' }, hasHostFigures: false }),
    ).toEqual(['fsync', 'keepalive', 'host-figures']);
  });

  it('of a server that is too old is that alone', () => {
    const findings = judgeServer({ version: '14.9', versionNumber: 140_009 }, servicePlanOf());

    expect(findings).toEqual([
      expect.objectContaining({
        id: 'server-version-old',
        severity: 'warning',
        message: expect.stringContaining('PostgreSQL 14.9'),
      }),
    ]);
  });
});

describe('limits that are none', () => {
  it.each([
    ['statement-timeout', 'statement_timeout'],
    ['lock-timeout', 'lock_timeout'],
    ['idle-in-transaction-timeout', 'idle_in_transaction_session_timeout'],
  ])('are found as %s, unless each transaction brings them through its pooler', (id, name) => {
    expect(idsOf(setting(name, 0))).toContain(id);
    expect(idsOf(setting(name, 0), { DB_POOLER: 'pgbouncer' })).toEqual([]);
  });

  it('of other kinds are as they should be', () => {
    expect(idsOf({ settings: { transaction_timeout: '0', idle_session_timeout: '0' } })).toEqual(
      [],
    );
  });
});

describe('what the log of the server holds', () => {
  it.each([
    ['log_statement all', { log_statement: 'all' }],
    ['log_statement mod', { log_statement: 'mod' }],
    ['log_min_duration_statement 0 ms', LOGGED],
    ['log_min_duration_sample 250 ms', { log_min_duration_sample: '250' }],
    ['log_transaction_sample_rate 0.1', { log_transaction_sample_rate: '0.1' }],
  ])('is parameters because of %s', (reason, settings) => {
    const facts = serverFactsOf({ settings });

    const findings = judgeServer({ ...facts, facts }, servicePlanOf());

    expect(findings).toEqual([
      expect.objectContaining({
        id: 'log-parameters',
        message: expect.stringContaining(`(${reason})`),
      }),
    ]);
  });
});

describe('a superuser', () => {
  it('is told of once, not of all that it may do', () => {
    expect(
      idsOf({
        role: {
          isSuperuser: true,
          attributes: ['CREATEDB'],
          ownedTables: 3,
          mayCreateInSchema: true,
          mayCreateInDatabase: true,
          mayCreateTemporary: true,
        },
      }),
    ).toEqual(['role-superuser']);
  });

  it('is held to no limit of its role, nor of the database', () => {
    expect(
      idsOf({ role: { isSuperuser: true, connectionLimit: 1 }, database: { connectionLimit: 1 } }),
    ).toEqual(['role-superuser']);
  });
});

describe('a password', () => {
  const textOf = (passwordSecondsLeft: number) => {
    const facts = serverFactsOf({
      role: { passwordSecondsLeft, passwordExpiresAt: '2027-01-01T00:00:00Z' },
    });
    return judgeServer({ ...facts, facts }, servicePlanOf())[0]?.message;
  };

  it('expires at a date, in the same words every day', () => {
    expect(textOf(1.5 * DAY)).toContain('expires at 2027-01-01T00:00:00Z: after it');
    expect(textOf(0.5 * DAY)).toBe(textOf(1.5 * DAY));
  });

  it('has expired', () => {
    expect(textOf(0)).toContain('expired at 2027-01-01T00:00:00Z');
  });
});
