import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

let database: TestDatabase;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create();
  sessions = new DatabaseSessionManager();
  await sessions.init(database.options({ entities, statementTimeoutMs: 300, lockTimeoutMs: 200 }));
  await database.query(`
    create table every_rule (
      id int primary key,
      not_null text constraint every_rule_not_null not null,
      checked text constraint every_rule_checked check (checked not like 'c4n4ry%'),
      parent int constraint every_rule_parent references every_rule (id),
      single text constraint every_rule_single unique,
      during int4range, constraint every_rule_during exclude using gist (during with &&),
      short varchar(3), number int)`);
  await database.query(
    `insert into every_rule (id, not_null, single, during) values (1, 'a', 'c4n4ry', '[1,5)')`,
  );
});

afterEach(async () => {
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

/** Everything of an error that could be logged or sent. */
function shown(error: DatabaseError): string {
  return [String(error), error.stack, JSON.stringify(error), JSON.stringify(error.details)].join(
    '\n',
  );
}

describe('an error of the server', () => {
  it.each([
    [
      'DB_UNIQUE',
      `insert into every_rule (id, not_null, single) values (2, 'a', ?)`,
      'every_rule_single',
    ],
    [
      'DB_CHECK',
      `insert into every_rule (id, not_null, checked) values (2, 'a', ?)`,
      'every_rule_checked',
    ],
    ['DB_NOT_NULL', 'insert into every_rule (id, single) values (2, ?)', undefined],
    [
      'DB_FOREIGN_KEY',
      `insert into every_rule (id, not_null, parent) values (2, ?, 77)`,
      'every_rule_parent',
    ],
    [
      'DB_EXCLUSION',
      `insert into every_rule (id, not_null, during) values (2, ?, '[2,3)')`,
      'every_rule_during',
    ],
    [
      'DB_OUT_OF_RANGE',
      `insert into every_rule (id, not_null, short) values (2, 'a', ?)`,
      undefined,
    ],
  ])('of %s names the constraint and shows no value', async (code, text, constraint) => {
    const failure = await failureOf(sessions.session((db) => db.execute(text, ['c4n4ry'])));

    expect(failure).toMatchObject({ code });
    expect(failure.details.constraint).toBe(constraint);
    expect(shown(failure)).not.toContain('c4n4ry');
  });

  it('for a value that is none of its type shows no value, though the server logs it: validate before', async () => {
    const failure = await failureOf(
      sessions.session((db) => db.execute('select ? :: text :: int', ['forty-two'])),
    );

    expect(failure).toMatchObject({ code: 'DB_INVALID_TEXT', details: { sqlState: '22P02' } });
    expect(shown(failure)).not.toContain('forty-two');
  });

  it.each([
    ['a search', `select to_tsquery('simple', ?)`, '42601'],
    ['a path into JSON', 'select (? :: text) :: jsonpath', '42601'],
    ['the name of a table', 'select ? :: text :: regclass', '42602'],
    ['the name of a setting', 'select current_setting(?)', '42704'],
  ])(
    'for a value that is wrong for %s shows no value, though the server logs it',
    async (_what, text, sqlState) => {
      const failure = await failureOf(sessions.session((db) => db.execute(text, ['forty two'])));

      expect(failure).toMatchObject({ details: { sqlState } });
      expect(shown(failure)).not.toContain('forty');
    },
  );

  it('for a text that is wrong says what is wrong', async () => {
    const failure = await failureOf(sessions.session((db) => db.execute('select * frm users')));

    expect(failure.message).toContain('syntax error at or near');
  });

  it('from a flush of the ORM is the same, with its table and constraint', async () => {
    const add = () =>
      sessions.session(async (db) => {
        db.create(UserEntity, { email: 'c4n4ry@mail.test', name: 'Ada' });
        await db.flush();
      });
    await add();

    const failure = await failureOf(add());

    expect(failure).toMatchObject({
      code: 'DB_UNIQUE',
      details: { sqlState: '23505', constraint: 'users_email_key', table: 'users' },
    });
    expect(shown(failure)).not.toContain('c4n4ry');
  });

  it('tells a statement that ran too long from one that was cancelled', async () => {
    const slow = await failureOf(sessions.session((db) => db.execute('select pg_sleep(5)')));
    const patient = new DatabaseSessionManager();
    await patient.init(database.options({ entities, statementTimeoutMs: 30_000 }));
    const cancelled = failureOf(
      patient.session((db) => db.execute('select pg_sleep(29) /* to be cancelled */')),
    );
    await until('the statement is there, and is cancelled', async () =>
      (
        await database.query(`
          select pg_cancel_backend(pid) from pg_stat_activity
          where datname = current_database() and state = 'active' and pid <> pg_backend_pid()
            and query like '%to be cancelled%'`)
      ).at(0),
    );

    expect(slow).toMatchObject({ code: 'DB_QUERY_TIMEOUT', details: { sqlState: '57014' } });
    expect(await cancelled).toMatchObject({
      code: 'DB_QUERY_CANCELLED',
      details: { sqlState: '57014' },
    });
    await patient.close();
  });

  it('of a lock that is not granted in time is DB_LOCK_TIMEOUT', async () => {
    const blocked = await failureOf(
      sessions.session(async (db) => {
        await db.execute('lock table every_rule in access exclusive mode');
        await sessions.transaction((other) => other.execute('select * from every_rule'), {
          propagation: 'new',
        });
      }),
    );

    expect(blocked).toMatchObject({ code: 'DB_LOCK_TIMEOUT', details: { sqlState: '55P03' } });
  });
});

describe('an error that is none of the server', () => {
  it.each([
    ['ECONNREFUSED', 'DB_CONNECT_REFUSED'],
    ['EHOSTUNREACH', 'DB_CONNECT_REFUSED'],
    ['ENETUNREACH', 'DB_CONNECT_REFUSED'],
    ['ENOTFOUND', 'DB_HOST_NOT_FOUND'],
    ['EAI_AGAIN', 'DB_HOST_NOT_FOUND'],
    ['ETIMEDOUT', 'DB_CONNECT_TIMEOUT'],
    ['ECONNRESET', 'DB_CONNECTION_LOST'],
    ['ECONNABORTED', 'DB_CONNECTION_LOST'],
    ['EPIPE', 'DB_CONNECTION_LOST'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'DB_TLS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'DB_TLS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'DB_TLS'],
  ])('of the system, %s, is %s', (errno, code) => {
    const error = Object.assign(new Error(`connect ${errno}`), { code: errno });

    expect(mapDatabaseError(error)).toMatchObject({ code, details: { errno } });
  });

  it.each(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET'])(
    'of the system, %s of a connection that was made, is DB_CONNECTION_LOST',
    (errno) => {
      const errors = ['read', 'write'].map((syscall) =>
        Object.assign(new Error(`${syscall} ${errno}`), { code: errno, syscall }),
      );

      expect(errors.map((error) => mapDatabaseError(error)?.code)).toEqual([
        'DB_CONNECTION_LOST',
        'DB_CONNECTION_LOST',
      ]);
    },
  );

  it('of every address of a host is known by the first', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), {
      code: 'ECONNREFUSED',
    });

    expect(mapDatabaseError(new AggregateError([refused, refused]))).toMatchObject({
      code: 'DB_CONNECT_REFUSED',
      message: 'connect ECONNREFUSED ::1:5432',
    });
  });

  it.each([
    ['Connection terminated due to connection timeout', 'DB_CONNECT_TIMEOUT'],
    ['timeout expired', 'DB_CONNECT_TIMEOUT'],
    ['The server does not support SSL connections', 'DB_TLS'],
    ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'DB_AUTH_FAILED'],
    ['Connection terminated unexpectedly', 'DB_CONNECTION_LOST'],
    ['Client has encountered a connection error and is not queryable', 'DB_CONNECTION_LOST'],
  ])('of pg, "%s", is %s', (text, code) => {
    expect(mapDatabaseError(new Error(text))).toMatchObject({ code });
  });

  it('of MikroORM around one of the server keeps the code and drops the text, which quotes the row', () => {
    const wrapped = new UniqueConstraintViolationException(
      Object.assign(new Error('insert … - duplicate key … Key (email)=(c4n4ry@mail.test)'), {
        code: '23505',
        severity: 'ERROR',
        constraint: 'users_email_key',
        detail: 'Key (email)=(c4n4ry@mail.test) already exists.',
      }),
    );

    const mapped = mapDatabaseError(wrapped);

    expect(mapped).toMatchObject({
      code: 'DB_UNIQUE',
      details: { sqlState: '23505', constraint: 'users_email_key' },
    });
    expect(mapped === undefined ? '' : shown(mapped)).not.toContain('c4n4ry');
  });

  it.each([
    ['a bug', new TypeError('x is not a function')],
    ['a code of somebody else', Object.assign(new Error('no such file'), { code: 'ENOENT' })],
    ['five characters that are no SQLSTATE', Object.assign(new Error('x'), { code: '23505' })],
    ['no error at all', 'text'],
  ])('and has nothing to do with the database is left alone: %s', (_kind, error) => {
    expect(mapDatabaseError(error)).toBeUndefined();
  });

  it('that is mapped already is left as it is', () => {
    const error = new DatabaseError('DB_POOL_FULL', 'full');

    expect(mapDatabaseError(error)).toBe(error);
  });
});

describe('an error of a statement, with what its sender knows', () => {
  const cancelled = (message: string) =>
    Object.assign(new Error(message), { code: '57014', severity: 'FEHLER' });

  it.each([
    ['canceling statement due to statement timeout', {}, 'DB_QUERY_TIMEOUT'],
    ['canceling statement due to user request', {}, 'DB_QUERY_CANCELLED'],
    ['storniere Anfrage', { elapsedMs: 5001, statementTimeoutMs: 5000 }, 'DB_QUERY_TIMEOUT'],
    ['storniere Anfrage', { elapsedMs: 4000, statementTimeoutMs: 5000 }, 'DB_QUERY_CANCELLED'],
    ['storniere Anfrage', { elapsedMs: 4000, statementTimeoutMs: 0 }, 'DB_QUERY_CANCELLED'],
    [
      'storniere Anfrage',
      { elapsedMs: 5001, statementTimeoutMs: 5000, isCancelSent: true },
      'DB_QUERY_CANCELLED',
    ],
  ] as const)('F35: 57014 "%s" with %o is %s', (message, statement, code) => {
    expect(mapDatabaseError(cancelled(message), statement)).toMatchObject({ code });
  });

  it.each([
    ['ERROR', true, undefined],
    ['FATAL', false, true],
    ['PANIC', false, true],
    ['PANIK', true, true],
    ['FEHLER', false, undefined],
  ])(
    'F33: %s, where it is true that the connection has ended: %s, is fatal: %s',
    (severity, isFatal, expected) => {
      const error = Object.assign(new Error('raised'), { code: '53100', severity });

      expect(mapDatabaseError(error, { isFatal })?.details['isFatal']).toBe(expected);
    },
  );

  it.each([
    ['Client has encountered a connection error and is not queryable', false],
    ['Client was closed and is not queryable', false],
    ['Connection terminated unexpectedly', undefined],
  ])('F33: of pg, "%s": it was sent: %s', (text, isSent) => {
    expect(mapDatabaseError(new Error(text))?.details['isSent']).toBe(isSent);
  });
});
