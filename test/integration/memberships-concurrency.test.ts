import type { Response } from 'supertest';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { addMember, addTeam, addUser } from '#test/support/api-rows.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService, type TestService } from '#test/support/build-test-service.ts';
import { withClient } from '#test/support/databases.ts';
import { until } from '#test/support/until.ts';

const ROUNDS = Array.from({ length: 10 }, (_, round) => round);

let service: TestService;

beforeAll(async () => {
  service = await buildTestService();
});

afterEach(async () => {
  await assertClean(service);
  await assertEveryTeamHasAnOwner();
});

afterAll(async () => {
  await service.close();
});

it.each(ROUNDS)('of two owners who leave at once exactly one gets away (round %i)', async () => {
  const { teamId, owners } = await addTeamOfTwoOwners();

  const responses = await Promise.all(owners.map((owner) => leave(teamId, owner)));

  expect(statusesOf(responses)).toEqual([204, 409]);
});

it.each(ROUNDS)('of two owners removed as users at once exactly one goes (round %i)', async () => {
  const { owners } = await addTeamOfTwoOwners();

  const responses = await Promise.all(
    owners.map((owner) => service.request.delete(`/users/${owner}`)),
  );

  expect(statusesOf(responses)).toEqual([204, 409]);
});

it.each(ROUNDS)(
  'of one who leaves and one removed at once exactly one goes (round %i)',
  async () => {
    const { teamId, owners } = await addTeamOfTwoOwners();
    const [first = '', second = ''] = owners;

    const responses = await Promise.all([
      leave(teamId, first),
      service.request.delete(`/users/${second}`),
    ]);

    expect(statusesOf(responses)).toEqual([204, 409]);
  },
);

it.each(ROUNDS)('a user removed while joining leaves no trace (round %i)', async () => {
  const { id: userId } = await addUser(service.request);
  const { id: teamId } = await addTeam(service.request);

  const [joined, founded, removed] = await Promise.all([
    service.request.post(`/teams/${teamId}/members`).send({ userId, role: 'member' }),
    service.request.post('/teams').send({ name: 'Own', ownerId: userId }),
    service.request.delete(`/users/${userId}`),
  ]);

  const memberships = await service.database.query('select from memberships where user_id = $1', [
    userId,
  ]);
  expect([201, 422]).toContain(joined.status);
  expect(founded.status).toBe(removed.status === 204 ? 422 : 201);
  expect(memberships.length === 0).toBe(removed.status === 204);
});

it('who joins waits for a user who is being removed without holding the team', async () => {
  const { id: userId } = await addUser(service.request);
  const { id: teamId } = await addTeam(service.request);
  const lockTeam = 'select from teams where id = $1 for no key update';

  const outcomes = await withClient(service.database.address, (removal) =>
    withClient(service.database.address, async (leaving) => {
      await removal.query('begin');
      await removal.query('select from users where id = $1 for update', [userId]);
      await leaving.query('begin');
      await leaving.query(lockTeam, [teamId]);
      const joined = service.request
        .post(`/teams/${teamId}/members`)
        .send({ userId, role: 'member' })
        .then(({ status }) => status);
      await waiting(1);
      const renamed = service.request
        .patch(`/teams/${teamId}`)
        .send({ name: 'Changed' })
        .then(({ status }) => status);
      await waiting(2);
      // Behind a change that waits for the one who joins, it would be a circle.
      const removed = removal.query(lockTeam, [teamId]).then(
        () => 'has the team',
        () => 'is refused',
      );
      await waiting(3);
      await leaving.query('commit');
      const outcome = await removed;
      await removal.query('rollback');
      return [outcome, await joined, await renamed];
    }),
  );

  expect(outcomes).toEqual(['has the team', 201, 200]);
});

it('everything at once on the same few teams and users ends without deadlock or fault', async () => {
  const users = await Promise.all(Array.from({ length: 4 }, () => addUser(service.request)));
  const [first, second, third, fourth] = users.map(({ id }) => id);
  const teams = await Promise.all(
    [first, second, third].map((ownerId) =>
      addTeam(service.request, ownerId === undefined ? {} : { ownerId }),
    ),
  );
  const calls = teams.flatMap(({ id: teamId }) => [
    ...users.map(({ id: userId }) =>
      service.request.post(`/teams/${teamId}/members`).send({ userId, role: 'owner' }),
    ),
    service.request.patch(`/teams/${teamId}`).send({ name: 'Changed' }),
    leave(teamId, second ?? ''),
    leave(teamId, third ?? ''),
  ]);

  const responses = await Promise.all([
    ...calls,
    service.request.delete(`/users/${third}`),
    service.request.delete(`/users/${fourth}`),
    service.request.delete(`/teams/${teams[2]?.id}`),
  ]);

  const unexpected = responses.filter(
    ({ status, body }) => status >= 500 || body.code === 'DB_DEADLOCK',
  );
  expect(unexpected.map(({ body }) => body)).toEqual([]);
});

async function waiting(sessions: number): Promise<void> {
  await until(`${sessions} sessions wait for a lock`, async () => {
    const found = await service.database.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return found.length === sessions ? true : undefined;
  });
}

async function assertEveryTeamHasAnOwner(): Promise<void> {
  const orphans = await service.database.query(
    `select id from teams where not exists (
       select from memberships where team_id = teams.id and role = 'owner')`,
  );
  expect(orphans).toEqual([]);
}

async function addTeamOfTwoOwners(): Promise<{ teamId: string; owners: string[] }> {
  const { id: first } = await addUser(service.request);
  const { id: second } = await addUser(service.request);
  const { id: teamId } = await addTeam(service.request, { ownerId: first });
  await addMember(service.request, { teamId, userId: second, role: 'owner' });
  return { teamId, owners: [first, second] };
}

function leave(teamId: string, userId: string) {
  return service.request.delete(`/teams/${teamId}/members/${userId}`);
}

function statusesOf(responses: readonly Response[]): number[] {
  return responses.map(({ status }) => status).toSorted((a, b) => a - b);
}
