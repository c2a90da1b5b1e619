import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { migrate } from '#database/migrations/migrate.ts';
import { entities } from '#entities.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { addMember, addTeam, addUser } from '#test/support/api-rows.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { createDatabase, withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { watchActivity } from '#test/support/server-log-watch.ts';
import { SERVER_LOG_SETTINGS, ServerLog } from '#test/support/server-log.ts';

const CANARY = `c4n4ry${randomBytes(6).toString('hex')}`;

let folder: string;
let server: EmbeddedServer;
let template: string;
let log: ServerLog;
let endWatch: () => Promise<void>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegauge-test-log-'));
  log = new ServerLog(join(folder, 'server.log'), [CANARY]);
  server = await startOwnServer(SERVER_LOG_SETTINGS, log.write);
  template = await createDatabase(server.connection, 'template1');
  const { password } = server.connection;
  await migrate({
    connection: {
      ...server.connection,
      database: template,
      password: { reveal: () => password },
    },
    entities,
    migrationsDir: fileURLToPath(new URL('../../migrations', import.meta.url)),
  });
  endWatch = watchActivity(server.connection, log);
});

afterAll(async () => {
  await endWatch();
  await server.stop();
  // The negative control has left values in it.
  await log.close().catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

/** A service on a database of its own on this file's server. */
async function serviceOn(settings: readonly string[] = []): Promise<TestService> {
  const database = await createDatabase(server.connection, template);
  await withClient(server.connection, async (client) => {
    for (const setting of settings) {
      await client.query(`alter database "${database}" set ${setting}`);
    }
  });
  const { user, password, host, port } = server.connection;
  return await buildTestService({
    env: {
      DATABASE_URL: `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`,
    },
  });
}

const email = (name: string) => `${CANARY}.${name}@mail.test`;

/** Every route with values of rows in path, query and body, and every error that shows one in its DETAIL. */
async function useEverything(service: TestService): Promise<void> {
  const api = service.request;
  const ada = await addUser(api, { email: email('ada'), name: `${CANARY} Ada` });
  const bob = await addUser(api, { email: email('bob'), name: `${CANARY} Bob` });
  const team = await addTeam(api, { ownerId: ada.id, name: `${CANARY} Team` });
  await addMember(api, { teamId: team.id, userId: bob.id, role: 'member' });
  const answers = [
    await api.post('/users').send({ email: email('ADA'), name: CANARY }),
    await api.get('/users').query({ email: email('ada') }),
    await api.get('/users').query({ limit: 1 }),
    await api.get(`/users/${ada.id}`),
    await api.patch(`/users/${bob.id}`).send({ name: `${CANARY} Robert` }),
    await api.patch(`/users/${bob.id}`).send({ email: email('ada') }),
    await api.get('/teams').query({ include: 'members' }),
    await api.patch(`/teams/${team.id}`).send({ name: `${CANARY} Crew` }),
    await api.post(`/teams/${team.id}/members`).send({ userId: bob.id, role: 'member' }),
    await api.delete(`/users/${ada.id}`),
    await api.delete(`/teams/${team.id}/members/${bob.id}`),
    await api.delete(`/teams/${team.id}`),
    await api.delete(`/users/${bob.id}`),
  ];
  expect(answers.map(({ status }) => status)).toEqual([
    409, 200, 200, 200, 200, 409, 200, 200, 409, 409, 204, 204, 204,
  ]);
  await violate(service);
}

/** What the routes' own validation keeps from the database, and a deadlock. */
async function violate({ sessions }: TestService): Promise<void> {
  const codes: unknown[] = [];
  const note = (error: unknown) => codes.push(error instanceof Error && Reflect.get(error, 'code'));
  const add = (values: { email: string; name: string }) =>
    sessions.session(async (db) => {
      db.create(UserEntity, values);
      await db.flush();
    });
  await add({ email: email('long'), name: CANARY.repeat(30) }).catch(note);
  await add({ email: email('first'), name: 'First' });
  await add({ email: email('second'), name: 'Second' });
  const bothWaiting = Promise.withResolvers<void>();
  let started = 0;
  const lockBoth = (own: string, other: string) =>
    sessions.session(async (db) => {
      await db.nativeUpdate(UserEntity, { email: own }, { name: `${CANARY} ${own}` });
      started += 1;
      if (started === 2) {
        bothWaiting.resolve();
      }
      await bothWaiting.promise;
      await db.nativeUpdate(UserEntity, { email: other }, { name: `${CANARY} ${other}` });
    });
  await Promise.all([
    lockBoth(email('first'), email('second')).catch(note),
    lockBoth(email('second'), email('first')).catch(note),
  ]);
  expect(codes).toEqual(['DB_CHECK', 'DB_DEADLOCK']);
}

/** Resolves when everything the server has logged so far is in the file. */
async function logged(): Promise<string> {
  const sentinel = randomBytes(8).toString('hex');
  await withClient(server.connection, (client) => client.query(`select '${sentinel}'`));
  await expect.poll(() => readFile(log.file, 'utf8'), { timeout: 10_000 }).toContain(sentinel);
  return await readFile(log.file, 'utf8');
}

describe('a server that logs every statement', () => {
  it('runs with the settings that keep values out of its log', async () => {
    const rows = await withClient(server.connection, async (client) => {
      const { rows: found } = await client.query<{ name: string; setting: string }>(
        `select name, setting from pg_settings where name in ('log_parameter_max_length',
         'log_parameter_max_length_on_error', 'log_error_verbosity', 'log_min_duration_statement') order by name`,
      );
      return found;
    });

    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      log_error_verbosity: 'terse',
      log_min_duration_statement: '0',
      log_parameter_max_length: '0',
      log_parameter_max_length_on_error: '0',
    });
  });

  it('shows no value of any row, whatever route or error a request takes', async () => {
    const before = log.serviceLines;
    const service = await serviceOn();

    await useEverything(service);
    const activity = await withClient(server.connection, async (client) => {
      const { rows } = await client.query<{ query: string }>(
        `select query from pg_stat_activity where application_name like 'tidegauge/%'`,
      );
      return rows.map(({ query }) => query).join('\n');
    });
    await service.close();

    const text = await logged();
    expect(log.leaks).toEqual([]);
    expect(activity).not.toContain(CANARY);
    expect(log.serviceLines - before).toBeGreaterThan(100);
    expect(text).toContain('deadlock detected');
    expect(text).toContain('violates unique constraint "users_email_key"');
  });

  it('would show them with the settings of a server that nobody has set: this check finds them', async () => {
    const service = await serviceOn([
      'log_parameter_max_length = -1',
      'log_parameter_max_length_on_error = -1',
      `log_error_verbosity = 'default'`,
    ]);

    await useEverything(service);
    await service.close();

    await logged();
    const leaked = log.leaks.map(({ text }) => text).join('\n');
    expect(leaked).toMatch(/parameters: .*c4n4ry/);
    expect(leaked).toMatch(/DETAIL: {2}Key .*c4n4ry/);
  });
});
