import { LockMode, raw } from '@mikro-orm/postgresql';
import { getDb } from '#database/session-manager.ts';
import { MembershipEntity } from '#features/teams/membership.entity.ts';
import { etagOf, requireMatch } from '#http/etag.ts';
import { conflict, notFound } from '#http/http-error.ts';
import type { NewUser, UserChanges } from './user-schema.ts';
import { UserEntity, type User } from './user.entity.ts';

const NO_SUCH_USER = 'there is no user with this id';

/** Which users to list: at most `limit`, those after the id `after`, only the one with `email` in whatever case. */
export interface UserListing {
  readonly limit: number;
  readonly after: string | undefined;
  readonly email: string | undefined;
}

/** Adds a user. A taken address fails with `DB_UNIQUE`. */
export async function createUser(input: NewUser): Promise<User> {
  const db = getDb();
  const user = db.create(UserEntity, { email: input.email, name: input.name });
  await db.flush();
  return user;
}

/** Users by id, which is by time of creation; one more than `limit` when there are more. */
export function listUsers({ limit, after, email }: UserListing): Promise<User[]> {
  return getDb().find(
    UserEntity,
    {
      ...(after !== undefined && { id: { $gt: after } }),
      // Spelt as in users_email_key, or the index is not used.
      ...(email !== undefined && { [raw('lower("email" collate "C")')]: email.toLowerCase() }),
    },
    { orderBy: { id: 'asc' }, limit: limit + 1 },
  );
}

/** The user with this id. Throws 404 when there is none. */
export async function findUser(id: string): Promise<User> {
  return getDb().findOneOrFail(UserEntity, id, { failHandler: () => notFound(NO_SUCH_USER) });
}

/**
 * Changes the fields named. The row stays locked until the session commits, so of two changes at once
 * the second sees the first. Throws 404, and 412 when `ifMatch` names another version.
 */
export async function updateUser(
  id: string,
  changes: UserChanges,
  ifMatch: string | undefined,
): Promise<User> {
  const db = getDb();
  const user = await lockUser(id);
  requireMatch(ifMatch, etagOf(user.version));
  db.assign(user, changes);
  await db.flush();
  return user;
}

/** Removes a user and its memberships. Throws 404, 412, and 409 for the last owner of a team. */
export async function deleteUser(id: string, ifMatch: string | undefined): Promise<void> {
  const db = getDb();
  // Always the user before its teams, and those by id: two deletions never wait for each other in a circle.
  // From here on nobody can add a membership either, since its foreign key needs this row.
  const user = await lockUser(id);
  requireMatch(ifMatch, etagOf(user.version));
  await db.execute(
    `select "id" from "teams" where "id" in (select "team_id" from "memberships" where "user_id" = ?)
     order by "id" for no key update`,
    [id],
  );
  if (await isLastOwner(id)) {
    throw conflict('the user is the last owner of a team: hand the team over or delete it first');
  }
  await db.nativeDelete(MembershipEntity, { user: id });
  await db.remove(user).flush();
}

function lockUser(id: string): Promise<User> {
  return getDb().findOneOrFail(UserEntity, id, {
    lockMode: LockMode.PESSIMISTIC_WRITE,
    failHandler: () => notFound(NO_SUCH_USER),
  });
}

/** Call only while the user's teams are locked. */
async function isLastOwner(id: string): Promise<boolean> {
  const teams = await getDb().execute(
    `select 1 from "memberships" as "own"
     where "own"."user_id" = ? and "own"."role" = 'owner' and not exists (
       select 1 from "memberships" as "other"
       where "other"."team_id" = "own"."team_id" and "other"."role" = 'owner' and "other"."user_id" <> ?
     ) limit 1`,
    [id, id],
  );
  return teams.length > 0;
}
