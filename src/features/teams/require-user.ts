import { getDb } from '#database/session-manager.ts';
import { UserEntity, type User } from '#features/users/user.entity.ts';
import { invalidBody } from '#http/http-error.ts';

/**
 * The user a body names in `field`, who stays until the session ends. Throws 422 when there is none. Call it before
 * anything locks a team: whoever removes a user locks the user first and its teams then, and two who lock in opposite
 * orders wait for each other.
 */
export async function requireUser(id: string, field: string): Promise<User> {
  const db = getDb();
  const users = await db.execute(`select 1 from "users" where "id" = ? for key share`, [id]);
  if (users.length === 0) {
    throw invalidBody([{ path: field, message: 'there is no user with this id' }]);
  }
  return db.getReference(UserEntity, id);
}
