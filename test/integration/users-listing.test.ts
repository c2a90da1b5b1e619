import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { UserBody } from '#features/users/user-schema.ts';
import { addTeam, addUser } from '#test/support/api-rows.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService, type TestService } from '#test/support/build-test-service.ts';
import { withClient } from '#test/support/databases.ts';

let service: TestService;

beforeAll(async () => {
  service = await buildTestService();
});

afterEach(async () => {
  await assertClean(service);
  await service.database.query('truncate users, teams, memberships');
});

afterAll(async () => {
  await service.close();
});

describe('the listing of users', () => {
  it('is empty when there are none', async () => {
    const response = await service.request.get('/users');

    expect(response.status).toBe(200);
    expect(response.body).toEqual({ items: [], nextCursor: null });
  });

  it('gives twenty at a time, oldest first, and each exactly once', async () => {
    const users = await addUsers(45);

    const pages = await readPages('/users?');

    expect(pages.map((page) => page.length)).toEqual([20, 20, 5]);
    expect(pages.flat()).toEqual(users);
  });

  it('ends with a full page when the number of users is a multiple of the limit', async () => {
    await addUsers(6);

    const pages = await readPages('/users?limit=3');

    expect(pages.map((page) => page.length)).toEqual([3, 3]);
  });

  it('loses and repeats nobody while others come and go between the pages', async () => {
    const users = await addUsers(9);
    const first = await service.request.get('/users?limit=3');

    await service.request.delete(`/users/${users[2]?.id}`);
    await service.request.patch(`/users/${users[3]?.id}`).send({ name: 'Changed' });
    const late = await addUser(service.request);
    const rest = await readPages(`/users?limit=3&cursor=${first.body.nextCursor}`);

    expect(rest.flat().map((user) => user.id)).toEqual([
      ...users.slice(3).map((user) => user.id),
      late.id,
    ]);
  });

  it('finds the one user with an address, in whatever case', async () => {
    const [, user] = await addUsers(3);

    const found = await service.request.get('/users').query({ email: user?.email.toUpperCase() });
    const unknown = await service.request.get('/users').query({ email: 'nobody@example.com' });

    expect(found.body).toEqual({ items: [user], nextCursor: null });
    expect(unknown.body).toEqual({ items: [], nextCursor: null });
  });

  it('finds an address by the index', async () => {
    const plan = await withClient(service.database.address, async (client) => {
      await client.query('set enable_seqscan = off');
      return await client.query(`explain select from users where lower("email" collate "C") = 'a'`);
    });

    expect(JSON.stringify(plan.rows)).toContain('users_email_key');
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=101',
    'limit=1e2',
    'limit=1.5',
    'limit=NaN',
    'limit=',
    'limit=1000000000',
    'limit=10&limit=20',
    'limit[]=1',
    'limit[$gt]=1',
    'email=x',
    'email=',
    'email[$ne]=x',
    'email=%00',
    'email=%FF',
    'sort=name',
    '__proto__=1',
    'cursor=',
    'cursor=x',
    'cursor=%F0%9F%91%A9',
    `cursor=${randomUUID()}`,
    `cursor=${'A'.repeat(5000)}`,
    `cursor=${forge([1, { list: 'users', after: "' or 1=1" }])}`,
    `cursor=${forge([1, { list: 'users', after: { $gt: '' } }])}`,
    `cursor=${forge([1, { list: 'users', after: randomUUID(), email: 'x' }])}`,
    `cursor=${forge([1, { list: 'teams', after: randomUUID() }])}`,
    `cursor=${forge([2, { list: 'users', after: randomUUID() }])}`,
    `cursor=${forge({})}`,
    `cursor=${forge(null)}`,
  ])('answers 400 to ?%s', async (query) => {
    const response = await service.request.get(`/users?${query}`);

    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('refuses a cursor that is cut short, and one of another listing', async () => {
    const { id: ownerId } = await addUser(service.request);
    await addTeam(service.request, { ownerId });
    await addTeam(service.request, { ownerId });
    const { body } = await service.request.get('/teams?limit=1');

    const foreign = await service.request.get(`/users?cursor=${body.nextCursor}`);
    const cut = await service.request.get(`/teams?cursor=${body.nextCursor.slice(0, -2)}`);

    expect(foreign.status).toBe(400);
    expect(cut.status).toBe(400);
  });
});

async function addUsers(count: number): Promise<UserBody[]> {
  const users: UserBody[] = [];
  for (let index = 0; index < count; index += 1) {
    users.push(await addUser(service.request));
  }
  return users;
}

async function readPages(path: string): Promise<UserBody[][]> {
  const pages: UserBody[][] = [];
  let next = path;
  do {
    const { body } = await service.request.get(next).expect(200);
    pages.push(body.items);
    next = body.nextCursor === null ? '' : `${path.split('&cursor=')[0]}&cursor=${body.nextCursor}`;
  } while (next !== '');
  return pages;
}

function forge(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}
