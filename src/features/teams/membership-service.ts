import type { Loaded } from '@mikro-orm/postgresql';
import { getDb } from '#database/session-manager.ts';
import { conflict, notFound } from '#http/http-error.ts';
import type { NewMember } from './membership-schema.ts';
import { MembershipEntity, type Membership } from './membership.entity.ts';
import { requireUser } from './require-user.ts';
import { findTeam } from './team-service.ts';

/** A membership together with whose it is. */
export type MembershipWithUser = Loaded<Membership, 'user'>;

/** Adds a user to a team. Throws 404, 422 when there is no such user; a member already fails with `DB_UNIQUE`. */
export async function addMember(teamId: string, input: NewMember): Promise<MembershipWithUser> {
  const db = getDb();
  const team = await findTeam(teamId);
  const user = await requireUser(input.userId, 'userId');
  const membership = db.create(MembershipEntity, { team, user, role: input.role });
  await db.flush();
  return db.populate(membership, ['user']);
}

/** Takes a user out of a team. Throws 404, and 409 for the last owner. */
export async function removeMember(teamId: string, userId: string): Promise<void> {
  const db = getDb();
  // Owners leave one after the other. Weaker than `for update`, which would also make every
  // newcomer wait: a foreign key takes `for key share` on its team.
  const teams = await db.execute(`select 1 from "teams" where "id" = ? for no key update`, [
    teamId,
  ]);
  const owners = await db.count(MembershipEntity, { team: teamId, role: 'owner' });
  const membership = await db.findOne(MembershipEntity, { team: teamId, user: userId });
  if (teams.length === 0 || membership === null) {
    throw notFound('there is no such team, or the user is no member of it');
  }
  if (membership.role === 'owner' && owners === 1) {
    throw conflict('the last owner cannot leave: add another owner or delete the team');
  }
  await db.remove(membership).flush();
}

/** The members of these teams by team, in the order they joined; one query however many teams. */
export async function listMembers(
  teamIds: readonly string[],
): Promise<ReadonlyMap<string, MembershipWithUser[]>> {
  const memberships = await getDb().find(
    MembershipEntity,
    { team: { $in: [...teamIds] } },
    { populate: ['user'], strategy: 'joined', orderBy: { id: 'asc' } },
  );
  return Map.groupBy(memberships, (membership) => membership.team.id);
}
