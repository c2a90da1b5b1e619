/**
 * Sessions without HTTP, as a script or a worker uses them: `npm run example`.
 *
 * Works on DATABASE_URL or on the embedded server that `npm start` runs, and removes what it added;
 * without either it starts a throw-away server of its own.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSettings } from '#config/load-settings.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { revealing } from '#database/embedded/embedded-access.ts';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { readEmbeddedState } from '#database/embedded/read-embedded-state.ts';
import { PROJECT_DATA_DIR } from '#database/embedded/running-embedded.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { getDb, sessionManager } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { createTeam, deleteTeam } from '#features/teams/team-service.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { createUser, deleteUser } from '#features/users/user-service.ts';

const PROJECT = join(import.meta.dirname, '..');

const { settings } = loadSettings();
await using server = await findOrStartServer();
const { connection } = server;
console.log(`database ${connection.database} at ${connection.host}:${connection.port}`);

await sessionManager.init({ ...settings.database, connection, entities });
try {
  await tour();
} finally {
  await sessionManager.close();
}

async function tour(): Promise<void> {
  const email = `${randomUUID()}@example.com`;

  // A session that may write is one transaction: a user, a team and its owner, or none of them.
  const { user, team } = await sessionManager.session(async () => {
    const owner = await createUser({ email, name: 'Ada Lovelace' });
    return { user: owner, team: await createTeam({ name: 'Engines', ownerId: owner.id }) };
  });
  console.log(`committed: user ${user.id} owns team ${team.id}`);

  try {
    // Services find the session by getDb(); nobody hands it on.
    await sessionManager.session(async () => {
      await createUser({ email: `2${email}`, name: 'Grace Hopper' });
      throw new Error('changed my mind');
    });
  } catch (error) {
    console.log(`rolled back: ${messageOf(error)}; ${await countUsers(`2${email}`)} users of it`);
  }

  // Inside a session a transaction is a savepoint: it may fail while the session goes on.
  await sessionManager.session(async () => {
    await createUser({ email: `3${email}`, name: 'Alan Turing' });
    try {
      await sessionManager.transaction(() => createUser({ email, name: 'Eve' }));
    } catch (error) {
      console.log(`savepoint rolled back: ${messageOf(error)}`);
    }
  });
  console.log(`committed all the same: ${await countUsers(`3${email}`)} user`);

  console.log('sign-ups of the last seven days:');
  for (const { day, users } of await signupsByDay()) {
    console.log(`  ${day}  ${users}`);
  }

  await sessionManager.session(async () => {
    await deleteTeam(team.id, undefined);
    await deleteUser(user.id, undefined);
    await getDb().nativeDelete(UserEntity, { email: `3${email}` });
  });
  const { total, idle } = sessionManager.stats();
  console.log(`cleaned up; connections: ${total}, idle: ${idle}`);
}

/** Read-only: its statements run singly, and a write in it would fail. */
async function signupsByDay(): Promise<{ day: string; users: number }[]> {
  return await sessionManager.session(
    (db) =>
      db.execute<{ day: string; users: number }[]>(
        `select to_char(day, 'YYYY-MM-DD') as day, count(users.id)::int as users
         from generate_series(current_date - ?::int, current_date, interval '1 day') as day
         left join users on users.created_at >= day and users.created_at < day + interval '1 day'
         group by day order by day`,
        [6],
      ),
    { name: 'sign-up report', readOnly: true },
  );
}

async function countUsers(email: string): Promise<number> {
  return await sessionManager.session((db) => db.count(UserEntity, { email }), { readOnly: true });
}

interface Server extends AsyncDisposable {
  readonly connection: DatabaseConnection;
}

async function findOrStartServer(): Promise<Server> {
  if (settings.database.connection !== undefined) {
    return { connection: settings.database.connection, [Symbol.asyncDispose]: async () => {} };
  }
  const running = await readEmbeddedState(PROJECT_DATA_DIR);
  if (running !== undefined) {
    return { connection: revealing(running.roles.app), [Symbol.asyncDispose]: async () => {} };
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-example-'));
  const own = await startEmbeddedPostgres({ dataDir, persistent: false });
  const connection = revealing(own.connection);
  await migrate({ connection, entities, migrationsDir: join(PROJECT, 'migrations') });
  return { connection, [Symbol.asyncDispose]: () => own.stop() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
