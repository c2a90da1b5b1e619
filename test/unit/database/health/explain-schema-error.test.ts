import { expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseVerdict } from '#database/health/database-verdict.ts';
import { explainSchemaError } from '#database/health/explain-schema-error.ts';

const verdict = (state: DatabaseVerdict['state']) => (): DatabaseVerdict => ({
  state,
  code: undefined,
  message: 'pending migrations: one',
  checkedAt: undefined,
  roundTripMs: undefined,
  serverVersion: undefined,
  pendingMigrations: [],
});
const schema = new DatabaseError('DB_SCHEMA', 'no such table');

it('a missing table is a pending migration while one is pending, else a fault of ours', async () => {
  const explained = (state: DatabaseVerdict['state']) =>
    explainSchemaError(Promise.reject(schema), verdict(state));

  await expect(explained('migrations_pending')).rejects.toMatchObject({
    code: 'DB_MIGRATIONS_PENDING',
    cause: schema,
  });
  await expect(explained('up')).rejects.toBe(schema);
});

it('other errors and results pass', async () => {
  const other = new Error('other');

  await expect(
    explainSchemaError(Promise.reject(other), verdict('migrations_pending')),
  ).rejects.toBe(other);
  expect(await explainSchemaError(Promise.resolve(1), verdict('migrations_pending'))).toBe(1);
});
