import { describe, expect, it } from 'vitest';
import type { Purpose, Tried } from '#database/self-check/check-connections.ts';
import { isUsable } from '#database/self-check/check-connections.ts';
import { connectionLines } from '#database/self-check/connection-lines.ts';
import { CONNECTION_RULES, judgeConnection } from '#database/self-check/connection-rules.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { FactsOverrides } from '#test/support/server-facts-of.ts';
import { serverFactsOf } from '#test/support/server-facts-of.ts';

interface Differences extends FactsOverrides {
  readonly system?: string;
  readonly isEncrypted?: boolean;
}

function tried(
  purpose: Purpose,
  { system = '1', isEncrypted = false, ...rest }: Differences = {},
): Tried {
  const facts = serverFactsOf(rest);
  const { version, versionNumber } = facts;
  return {
    purpose,
    variable: purpose.toUpperCase(),
    connection: {
      host: 'db',
      port: 5432,
      database: 'tidegauge',
      user: 'app',
      password: undefined,
      ...(isEncrypted && { tls: { mode: 'require' } as const }),
    },
    server: { version, versionNumber, facts, systemIdentifier: system },
    error: undefined,
  };
}

const READS = { role: { writableTables: 0 } };
const STANDBY = { isInRecovery: true };
const other = { database: { name: 'other' } };
const main = tried('main');

describe('connections that are as they are meant', () => {
  it.each([
    tried('main'),
    tried('direct'),
    tried('migration'),
    tried('reporting', READS),
    tried('reporting', { ...READS, ...STANDBY }),
    tried('replica', STANDBY),
  ])('give nothing to find: $purpose', (report) => {
    expect(judgeConnection(report, main)).toEqual([]);
  });

  it('give nothing to find where one was not reached, or may not say which it is', () => {
    const lost: Tried = { ...main, server: undefined };

    expect(judgeConnection(tried('direct', { system: '2' }), lost)).toEqual([]);
    expect(judgeConnection({ ...tried('replica'), server: undefined }, main)).toEqual([]);
  });
});

const FOUND: readonly (readonly [string, Tried])[] = [
  ['other-server', tried('direct', { system: '2' })],
  ['other-server', tried('migration', { system: '2' })],
  ['other-server', tried('replica', { ...STANDBY, system: '2' })],
  ['other-database', tried('direct', other)],
  ['other-database', tried('migration', other)],
  ['other-database', tried('replica', { ...STANDBY, ...other })],
  ['reporting-other-server', tried('reporting', { ...READS, system: '2' })],
  ['not-writable', tried('main', STANDBY)],
  ['not-writable', tried('direct', STANDBY)],
  ['not-writable', tried('migration', STANDBY)],
  ['not-a-replica', tried('replica')],
  ['reporting-may-write', tried('reporting', { role: { writableTables: 1 } })],
  ['reporting-may-write', tried('reporting', { role: { isSuperuser: true } })],
];

describe('a connection that is not', () => {
  it.each(FOUND)('is %s', (id, report) => {
    const findings = judgeConnection(report, main);

    expect(findings.map((finding) => finding.id)).toEqual([id]);
    expect(isUsable({ ...report, findings })).toBe(
      CONNECTION_RULES.find((rule) => rule.id === id)?.severity !== 'error',
    );
  });

  it('can be found by each of the rules', () => {
    expect(new Set(FOUND.map(([id]) => id))).toEqual(new Set(CONNECTION_RULES.map(({ id }) => id)));
  });
});

describe('for people', () => {
  it('a connection is a line that says where it leads, then its findings', () => {
    const report = tried('replica', { isEncrypted: true });

    expect(connectionLines({ ...report, findings: judgeConnection(report, main) })).toEqual([
      'REPLICA (db:5432/tidegauge as app) reached: PostgreSQL 18.4, TLS',
      'warning: not-a-replica: REPLICA leads to a primary: it takes the reads that replicas should take from it. name the replica, or leave the variable unset',
    ]);
    expect(connectionLines({ ...tried('main', STANDBY), findings: [] })).toEqual([
      'MAIN (db:5432/tidegauge as app) reached: PostgreSQL 18.4, in recovery, no TLS',
    ]);
  });

  it('one that was not reached says why', () => {
    const error = new DatabaseError('DB_AUTH_FAILED', 'db:5432 refused the login of app');
    const report = { ...main, server: undefined, error, findings: [] };

    expect(connectionLines(report)).toEqual([
      'MAIN (db:5432/tidegauge as app) not reached: DB_AUTH_FAILED: db:5432 refused the login of app',
    ]);
    expect(isUsable(report)).toBe(false);
  });
});
