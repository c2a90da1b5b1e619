import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { judgeFailure } from '#database/health/database-verdict.ts';
import { askDirectly, identityOf, wrongWay } from '#database/health/direct-way.ts';

const failure = new DatabaseError('DB_CONNECTION_LOST', 'no answer within 1000 ms', {
  isLate: true,
});
const refused = new DatabaseError('DB_CONNECTION_LOST', 'the pooler has hung up');
const slow = new DatabaseError('DB_CONNECT_TIMEOUT', 'no connection within 2000 ms');
const away = new DatabaseError('DB_CONNECT_REFUSED', 'nobody listens');
const standby = new DatabaseError('DB_READ_ONLY', 'it is a standby');
const denied = new DatabaseError('DB_PERMISSION', 'permission denied');

describe('a look through a pooler that fails', () => {
  const look = { failure, direct: { identity: '1/2' }, sinceAnswerMs: Infinity };

  it.each([
    ['the server is away', { direct: away }, 'down', 'DB_CONNECT_REFUSED', 'nobody listens'],
    [
      'the server is away, and was not a moment ago',
      { direct: away, sinceAnswerMs: 10 },
      'down',
      'DB_CONNECT_REFUSED',
      'nobody listens',
    ],
    [
      'the server is up, the pooler gives no answer to anybody',
      {},
      'down',
      'DB_CONNECTION_LOST',
      'the server is up, its pooler is not: no answer within 1000 ms',
    ],
    [
      'the pooler answers others',
      { sinceAnswerMs: 10 },
      'saturated',
      'DB_CONNECTION_LOST',
      'the pooler is busy: no answer within 1000 ms',
    ],
    [
      'the pooler has refused',
      { sinceAnswerMs: 10, failure: refused },
      'down',
      'DB_CONNECTION_LOST',
      'the server is up, its pooler is not: the pooler has hung up',
    ],
    [
      'the pooler answers others, and the gate has closed over one who waited for it',
      { sinceAnswerMs: 10, failure: slow },
      'saturated',
      'DB_CONNECT_TIMEOUT',
      'the pooler is busy: no connection within 2000 ms',
    ],
    [
      'the server is a standby',
      { failure: standby },
      'read_only',
      'DB_READ_ONLY',
      'it is a standby',
    ],
    [
      'there is no way past it',
      { direct: undefined },
      'down',
      'DB_CONNECTION_LOST',
      'no answer within 1000 ms',
    ],
  ])('while %s', (_when, known, state, code, message) => {
    expect(judgeFailure({ ...look, ...known })).toEqual({ state, code, message });
  });
});

describe('two ways to a database', () => {
  it.each([
    ['the same', { identity: '1/2' }, '1/2', undefined],
    ['another one', { identity: '1/3' }, '1/2', 'CONFIG_INVALID'],
    ['not known', { identity: undefined }, '1/2', undefined],
    ['not known through the pooler', { identity: '1/2' }, undefined, undefined],
    ['away', away, '1/2', undefined],
    ['a pooler', new DatabaseError('CONFIG_INVALID', 'a pooler'), '1/2', 'CONFIG_INVALID'],
  ])('of which the direct one is %s', (_what, direct, pooled, code) => {
    expect(wrongWay(direct, pooled)?.code).toBe(code);
  });

  it('are not compared where the role may not know', async () => {
    expect(await identityOf(() => Promise.reject(denied))).toBeUndefined();
    expect(await askDirectly(() => Promise.reject(denied))).toEqual({ identity: undefined });
  });

  it('of which the direct one has failed say why', async () => {
    expect(await askDirectly(() => Promise.reject(away))).toBe(away);
  });
});
