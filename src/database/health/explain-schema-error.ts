import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseVerdict } from './database-verdict.ts';

/** Runs work; that code and schema disagree is no bug while migrations are known to be pending: `DB_MIGRATIONS_PENDING`. */
export async function explainSchemaError<T>(
  work: Promise<T>,
  verdict: () => DatabaseVerdict,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { state, message } = verdict();
    if (
      error instanceof DatabaseError &&
      error.code === 'DB_SCHEMA' &&
      state === 'migrations_pending'
    ) {
      throw new DatabaseError('DB_MIGRATIONS_PENDING', message, error.details, { cause: error });
    }
    throw error;
  }
}
