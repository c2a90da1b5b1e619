import { DatabaseError } from '#database/database-error.ts';

/** Resolves to what the work fails with; throws when it succeeds, or fails with anything but a DatabaseError. */
export async function failureOf(work: Promise<unknown>): Promise<DatabaseError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DatabaseError) {
      return error;
    }
    throw error;
  }
  throw new Error('nothing failed');
}
