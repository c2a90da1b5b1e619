import { LockMode } from '@mikro-orm/postgresql';
import { getDb } from '#database/session-manager.ts';
import { notFound } from '#http/http-error.ts';
import { MembershipEntity } from './membership.entity.ts';
import { requireUser } from './require-user.ts';
import { requireTeamMatch } from './team-etag.ts';
import type { NewTeam, TeamChanges } from './team-schema.ts';
import { TeamEntity, type Team } from './team.entity.ts';

const NO_SUCH_TEAM = 'there is no team with this id';

/** Which teams to list: at most `limit`, those after the id `after`. */
export interface TeamListing {
  readonly limit: number;
  readonly after: string | undefined;
}

/** Adds a team with its first owner, both or neither. An unknown owner is a fault of `ownerId`. */
export async function createTeam({ name, ownerId }: NewTeam): Promise<Team> {
  const db = getDb();
  const user = await requireUser(ownerId, 'ownerId');
  const team = db.create(TeamEntity, { name });
  db.create(MembershipEntity, { team, user, role: 'owner' });
  await db.flush();
  return team;
}

/** Teams by id, which is by time of creation; one more than `limit` when there are more. */
export function listTeams({ limit, after }: TeamListing): Promise<Team[]> {
  return getDb().find(TeamEntity, after === undefined ? {} : { id: { $gt: after } }, {
    orderBy: { id: 'asc' },
    limit: limit + 1,
  });
}

/** The team with this id. Throws 404 when there is none. */
export async function findTeam(id: string): Promise<Team> {
  return getDb().findOneOrFail(TeamEntity, id, { failHandler: () => notFound(NO_SUCH_TEAM) });
}

/** Changes a team as `updateUser` changes a user. Throws 404 and 412. */
export async function updateTeam(
  id: string,
  changes: TeamChanges,
  ifMatch: string | undefined,
): Promise<Team> {
  const db = getDb();
  const team = await lockTeam(id);
  requireTeamMatch(ifMatch, team);
  db.assign(team, changes);
  await db.flush();
  return team;
}

/** Removes a team and, by its foreign key, its memberships. Throws 404 and 412. */
export async function deleteTeam(id: string, ifMatch: string | undefined): Promise<void> {
  const team = await lockTeam(id);
  requireTeamMatch(ifMatch, team);
  await getDb().remove(team).flush();
}

function lockTeam(id: string): Promise<Team> {
  return getDb().findOneOrFail(TeamEntity, id, {
    lockMode: LockMode.PESSIMISTIC_WRITE,
    failHandler: () => notFound(NO_SUCH_TEAM),
  });
}
