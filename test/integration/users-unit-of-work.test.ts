import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { createTeam } from '#features/teams/team-service.ts';
import { createUser } from '#features/users/user-service.ts';
import { defineRoute, type Route } from '#http/route.ts';
import { newEmail } from '#test/support/api-rows.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService, type TestService } from '#test/support/build-test-service.ts';

const body = z.strictObject({ email: z.string(), isFaulty: z.boolean() });
type Body = z.output<typeof body>;

let service: TestService;

beforeAll(async () => {
  service = await buildTestService({
    routes: [
      testRoute('/two-writes', twoWrites),
      testRoute('/three-steps', threeSteps),
      testRoute('/two-flushes', twoFlushes),
      testRoute('/deferred', deferred),
    ],
  });
  await service.database.define(
    `create table seats (
       number int constraint seats_number_key unique deferrable initially deferred)`,
  );
});

afterEach(async () => {
  await assertClean(service);
  await service.database.query('truncate users, teams, memberships, seats');
});

afterAll(async () => {
  await service.close();
});

describe('a request that fails', () => {
  it.each(['/two-writes', '/three-steps', '/two-flushes', '/deferred'])(
    'leaves nothing of %s, though all of it is there when it succeeds',
    async (path) => {
      const failed = await service.request.post(path).send({ email: newEmail(), isFaulty: true });
      const afterFailure = await countRows();
      const succeeded = await service.request
        .post(path)
        .send({ email: newEmail(), isFaulty: false });
      const afterSuccess = await countRows();

      expect(failed.status).toBeGreaterThanOrEqual(400);
      expect(afterFailure).toBe(0);
      expect(succeeded.status).toBe(201);
      expect(afterSuccess).toBeGreaterThanOrEqual(2);
    },
  );

  it('by an exception of ours is answered 500, without the exception’s text', async () => {
    const response = await service.request
      .post('/two-writes')
      .send({ email: newEmail(), isFaulty: true });

    expect(response.body).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(response.text).not.toContain('thought better');
  });

  it('by a constraint that is checked at COMMIT is answered 409', async () => {
    const response = await service.request
      .post('/deferred')
      .send({ email: newEmail(), isFaulty: true });

    expect(response.body).toMatchObject({ status: 409, code: 'DB_UNIQUE' });
    expect(response.text).not.toMatch(/seats|number/);
  });
});

async function twoWrites({ email, isFaulty }: Body): Promise<void> {
  await createUser({ email, name: 'Ada' });
  await createUser({ email: `2${email}`, name: 'Grace' });
  if (isFaulty) {
    throw new Error('thought better of it');
  }
}

async function threeSteps({ email, isFaulty }: Body): Promise<void> {
  const owner = await createUser({ email, name: 'Ada' });
  await createTeam({ name: 'Engines', ownerId: owner.id });
  await createUser({ email: isFaulty ? email.toUpperCase() : `2${email}`, name: 'Grace' });
}

async function twoFlushes({ email, isFaulty }: Body): Promise<void> {
  await createUser({ email, name: 'Ada' });
  await createUser({ email: `2${email}`, name: 'Grace' });
  await getDb().execute(
    `insert into teams (id, created_at, updated_at, name) values (gen_random_uuid(), now(), now(), ?)`,
    ['Raw'],
  );
  if (isFaulty) {
    throw new Error('thought better of it');
  }
}

async function deferred({ isFaulty }: Body): Promise<void> {
  await getDb().execute('insert into seats (number) values (1)');
  await getDb().execute('insert into seats (number) values (?)', [isFaulty ? 1 : 2]);
}

function testRoute(path: string, work: (body: Body) => Promise<void>): Route {
  return defineRoute({
    method: 'post',
    path,
    operationId: path.slice(1),
    summary: 'Only in this test',
    tags: ['test'],
    body,
    responses: { 201: { description: 'Done.' } },
    errors: [],
    handler: async (context) => {
      await work(context.body);
      return { status: 201 };
    },
  });
}

async function countRows(): Promise<number> {
  const [row] = await service.database.query<{ count: number }>(
    `select ((select count(*) from users) + (select count(*) from teams)
       + (select count(*) from memberships) + (select count(*) from seats))::int as count`,
  );
  return row?.count ?? -1;
}
