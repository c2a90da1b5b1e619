import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addMember, addTeam, addUser } from '#test/support/api-rows.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService, type TestService } from '#test/support/build-test-service.ts';

let service: TestService;

beforeAll(async () => {
  service = await buildTestService();
});

afterEach(async () => {
  await assertClean(service);
});

afterAll(async () => {
  await service.close();
});

describe('adding a team', () => {
  it('answers 201 with the team, and makes the user its owner', async () => {
    const owner = await addUser(service.request);

    const response = await service.request
      .post('/teams')
      .send({ name: 'Engines', ownerId: owner.id });

    expect(response.status).toBe(201);
    expect(response.headers).toMatchObject({
      location: `/teams/${response.body.id}`,
      etag: '"1"',
    });
    expect(response.body).toEqual({
      id: expect.any(String),
      name: 'Engines',
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const read = await service.request.get(`/teams/${response.body.id}?include=members`);
    expect(read.body.members).toEqual([
      {
        userId: owner.id,
        email: owner.email,
        name: owner.name,
        role: 'owner',
        joinedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    ]);
  });

  it('for an owner who is not there is refused with 422, and leaves no team', async () => {
    const name = randomUUID();

    const response = await service.request.post('/teams').send({ name, ownerId: randomUUID() });

    expect(response.body).toMatchObject({
      status: 422,
      code: 'INPUT_INVALID',
      errors: [{ path: 'ownerId', message: 'there is no user with this id' }],
    });
    expect(await service.database.query('select from teams where name = $1', [name])).toEqual([]);
  });

  it.each([
    [{ name: 'Engines' }, 'ownerId'],
    [{ name: 'Engines', ownerId: 'ada' }, 'ownerId'],
    [{ name: 'Engines', ownerId: { $ne: null } }, 'ownerId'],
    [{ name: '', ownerId: randomUUID() }, 'name'],
    [{ name: 'Engines', ownerId: randomUUID(), members: [] }, ''],
  ])('is refused with 422 for %j', async (body, path) => {
    const response = await service.request.post('/teams').send(body);

    expect(response.body).toMatchObject({ status: 422, errors: [{ path }] });
  });
});

describe('reading teams', () => {
  it('shows members only when they are asked for', async () => {
    const { id } = await addTeam(service.request);

    const alone = await service.request.get(`/teams/${id}`);
    const withMembers = await service.request.get(`/teams/${id}?include=members`);

    expect(alone.body).not.toHaveProperty('members');
    expect(withMembers.body).toEqual({ ...alone.body, members: [expect.anything()] });
  });

  it.each([1, 10, 100])('takes at most 3 queries for %i teams with members', async (count) => {
    await service.database.query('truncate users, teams, memberships');
    await addTeamsOfThree(count);
    const before = service.queries;

    const { body } = await service.request.get('/teams?limit=100&include=members');

    expect(service.queries - before).toBeLessThanOrEqual(3);
    expect(body.items).toHaveLength(count);
    for (const team of body.items) {
      const names = team.members.map((member: { name: string }) => member.name);
      expect(names).toEqual([`owner of ${team.name}`, `b of ${team.name}`, `a of ${team.name}`]);
    }
  });

  it('takes at most 3 queries for one team with members', async () => {
    const { id } = await addTeam(service.request);
    const before = service.queries;

    await service.request.get(`/teams/${id}?include=members`).expect(200);

    expect(service.queries - before).toBeGreaterThan(0);
    expect(service.queries - before).toBeLessThanOrEqual(3);
  });

  it('pages through teams as through users', async () => {
    await service.database.query('truncate users, teams, memberships');
    const { id: ownerId } = await addUser(service.request);
    const first = await addTeam(service.request, { ownerId });
    const second = await addTeam(service.request, { ownerId });
    const third = await addTeam(service.request, { ownerId });

    const one = await service.request.get('/teams?limit=2');
    const two = await service.request.get(`/teams?limit=2&cursor=${one.body.nextCursor}`);

    expect(one.body.items).toEqual([first, second]);
    expect(two.body).toEqual({ items: [third], nextCursor: null });
  });

  it('answers 304 until the team, its members or their names change', async () => {
    const { id: userId } = await addUser(service.request);
    const { id } = await addTeam(service.request, { ownerId: userId });
    const path = `/teams/${id}?include=members`;
    const read = (etag: string | undefined) =>
      service.request.get(path).set('If-None-Match', etag ?? '');
    const { headers } = await service.request.get(path);

    const same = await read(headers['etag']);
    await service.request.patch(`/users/${userId}`).send({ name: 'Countess' });
    const renamed = await read(headers['etag']);
    const member = await addUser(service.request);
    await addMember(service.request, { teamId: id, userId: member.id, role: 'member' });
    const joined = await read(renamed.headers['etag']);

    expect([same.status, renamed.status, joined.status]).toEqual([304, 200, 200]);
    expect(joined.body.members).toHaveLength(2);
  });

  it.each(['include=users', 'include=', 'include=members&include=members', 'limit=5'])(
    'answers 400 to ?%s on one team',
    async (query) => {
      const { id } = await addTeam(service.request);

      const response = await service.request.get(`/teams/${id}?${query}`);

      expect(response.body).toMatchObject({ status: 400, code: 'INPUT_INVALID' });
    },
  );

  it('answers 404 for a team that is not there', async () => {
    const response = await service.request.get(`/teams/${randomUUID()}?include=members`);

    expect(response.body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('changing a team', () => {
  it('answers 200 with the team as it is now', async () => {
    const team = await addTeam(service.request);

    const response = await service.request.patch(`/teams/${team.id}`).send({ name: 'Compilers' });

    expect(response.status).toBe(200);
    expect(response.body).toEqual({
      ...team,
      name: 'Compilers',
      updatedAt: expect.any(String),
    });
    expect(response.headers['etag']).toBe('"2"');
  });

  it('is refused with 412 when the team has changed since it was read, with members or without', async () => {
    const { id } = await addTeam(service.request);
    const alone = await service.request.get(`/teams/${id}`);
    const withMembers = await service.request.get(`/teams/${id}?include=members`);
    const change = (etag: string | undefined, name: string) =>
      service.request
        .patch(`/teams/${id}`)
        .set('If-Match', etag ?? '')
        .send({ name });

    const first = await change(withMembers.headers['etag'], 'Compilers');
    const second = await change(withMembers.headers['etag'], 'Engines');
    const third = await change(alone.headers['etag'], 'Engines');

    expect([first.status, second.status, third.status]).toEqual([200, 412, 412]);
    expect((await service.request.get(`/teams/${id}`)).body.name).toBe('Compilers');
  });

  it.each([{}, { id: randomUUID() }, { name: '\0' }])(
    'is refused with 422 for %j',
    async (body) => {
      const { id } = await addTeam(service.request);

      const response = await service.request.patch(`/teams/${id}`).send(body);

      expect(response.body).toMatchObject({ status: 422, code: 'INPUT_INVALID' });
    },
  );
});

describe('removing a team', () => {
  it('answers 204 once and 404 from then on, and leaves its users', async () => {
    const { id: ownerId } = await addUser(service.request);
    const { id } = await addTeam(service.request, { ownerId });

    const first = await service.request.delete(`/teams/${id}`);
    const second = await service.request.delete(`/teams/${id}`);

    const left = await service.database.query('select from memberships where team_id = $1', [id]);
    expect([first.status, second.status]).toEqual([204, 404]);
    expect(left).toEqual([]);
    expect((await service.request.get(`/users/${ownerId}`)).status).toBe(200);
  });
});

/** Teams whose members have joined in another order than their names and addresses have. */
async function addTeamsOfThree(count: number): Promise<void> {
  await service.database.query(
    `with people as (
       insert into users (id, created_at, updated_at, email, name)
       select gen_random_uuid(), now(), now(), team || who || '@example.com', who || ' of ' || team
       from generate_series(1, $1) as team, unnest(array['owner', 'a', 'b']) as who
       returning id, split_part(name, ' ', 1) as who, split_part(name, ' ', 3) as team
     ), groups as (
       insert into teams (id, created_at, updated_at, name)
       select gen_random_uuid(), now(), now(), team::text from generate_series(1, $1) as team
       returning id, name
     )
     insert into memberships (id, created_at, updated_at, team_id, user_id, role)
     select (lpad(to_hex(array_position(array['owner', 'b', 'a'], who)), 8, '0')
         || substr(gen_random_uuid()::text, 9))::uuid, now(), now(), groups.id, people.id,
       case who when 'owner' then 'owner' else 'member' end
     from people join groups on groups.name = people.team`,
    [count],
  );
}
