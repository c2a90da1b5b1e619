import { describe, expect, it } from 'vitest';
import { judge } from '#database/health/database-verdict.ts';

const findings = {
  isReadOnly: false,
  isStandby: false,
  serverVersion: '18.4',
  appliedMigrations: ['one', 'two'],
  roundTripMs: 1.5,
};
const at = '2026-01-02T03:04:05.678Z';

describe('the verdict', () => {
  it('is up when the schema is there and writes are accepted', () => {
    expect(judge(findings, ['one', 'two'], at)).toEqual({
      state: 'up',
      code: undefined,
      message: 'the database answers',
      checkedAt: at,
      roundTripMs: 1.5,
      serverVersion: '18.4',
      pendingMigrations: [],
    });
  });

  it('is up when the schema is ahead of the code, as during a rollout', () => {
    expect(judge(findings, ['one'], at).state).toBe('up');
  });

  it('names the migrations that the schema lacks, and what to run', () => {
    expect(judge(findings, ['one', 'two', 'three', 'four'], at)).toMatchObject({
      state: 'migrations_pending',
      code: 'DB_MIGRATIONS_PENDING',
      message: 'pending migrations: three, four; run npm run migrate',
      pendingMigrations: ['three', 'four'],
    });
  });

  it('is read_only when the server accepts no writes', () => {
    expect(judge({ ...findings, isReadOnly: true }, ['one'], at)).toMatchObject({
      state: 'read_only',
      code: 'DB_READ_ONLY',
    });
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(judge(findings, [], at))).toBe(true);
  });
});
