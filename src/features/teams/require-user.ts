import { getDb } from '#database/session-manager.ts';
import { UserEntity, type User } from '#features/users/user.entity.ts';
import { invalidBody } from '#http/http-error.ts';

/** The user a body names in `field`. Throws 422 when there is none. */
export async function requireUser(id: string, field: string): Promise<User> {
  return getDb().findOneOrFail(UserEntity, id, {
    failHandler: () => invalidBody([{ path: field, message: 'there is no user with this id' }]),
  });
}
