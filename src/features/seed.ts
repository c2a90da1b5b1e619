import { getDb } from '#database/session-manager.ts';
import { MembershipEntity } from '#features/teams/membership.entity.ts';
import { TeamEntity } from '#features/teams/team.entity.ts';
import { UserEntity } from '#features/users/user.entity.ts';

/**
 * Puts a few users and teams into an empty database, something to look at after the first start.
 * Call it in a session that may write. Resolves to false, and changes nothing, where there is a user already.
 */
export async function seed(): Promise<boolean> {
  const db = getDb();
  if ((await db.count(UserEntity)) > 0) {
    return false;
  }
  const [ada, grace, alan, katherine] = [
    db.create(UserEntity, { email: 'ada@example.com', name: 'Ada Lovelace' }),
    db.create(UserEntity, { email: 'grace@example.com', name: 'Grace Hopper' }),
    db.create(UserEntity, { email: 'alan@example.com', name: 'Alan Turing' }),
    db.create(UserEntity, { email: 'katherine@example.com', name: 'Katherine Johnson' }),
  ];
  const engines = db.create(TeamEntity, { name: 'Analytical Engines' });
  const compilers = db.create(TeamEntity, { name: 'Compilers' });
  db.create(MembershipEntity, { team: engines, user: ada, role: 'owner' });
  db.create(MembershipEntity, { team: engines, user: alan, role: 'member' });
  db.create(MembershipEntity, { team: engines, user: katherine, role: 'member' });
  db.create(MembershipEntity, { team: compilers, user: grace, role: 'owner' });
  db.create(MembershipEntity, { team: compilers, user: ada, role: 'member' });
  await db.flush();
  return true;
}
