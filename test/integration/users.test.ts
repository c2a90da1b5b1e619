import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addMember, addTeam, addUser, newEmail } from '#test/support/api-rows.ts';
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

describe('adding a user', () => {
  it('answers 201 with the user and where it is', async () => {
    const email = newEmail().replace('@', '+Ada@');

    const response = await service.request.post('/users').send({ email, name: ' Ada  Lovelace' });

    expect(response.status).toBe(201);
    expect(response.body).toEqual({
      id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/),
      email,
      name: ' Ada  Lovelace',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(response.headers).toMatchObject({
      location: `/users/${response.body.id}`,
      etag: '"1"',
      'content-type': 'application/json',
    });
    const read = await service.request.get(response.headers['location'] ?? '');
    expect(read.body).toEqual(response.body);
  });

  it('refuses an address that is taken in another case, and repeats no value, not even in the log', async () => {
    const { email } = await addUser(service.request);

    const response = await service.request
      .post('/users')
      .send({ email: email.toUpperCase(), name: 'Eve' });

    expect(response.status).toBe(409);
    expect(response.type).toBe('application/problem+json');
    expect(response.body).toMatchObject({
      code: 'DB_UNIQUE',
      detail: 'a user with this e-mail address exists already',
    });
    expect(response.text.toLowerCase()).not.toContain(email);
    expect(response.text).not.toMatch(/users_email_key|lower\(|Eve/);
    expect(service.logs.length).toBeGreaterThan(0);
    expect(JSON.stringify(service.logs).toLowerCase()).not.toContain(email);
  });

  it('keeps every string to the last character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .string({ unit: 'binary', minLength: 1, maxLength: 100 })
          .filter((name) => /^\P{Cc}+$/u.test(name) && name.isWellFormed())
          .filter((name) => /[^\s\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(name)),
        async (name) => {
          const user = await addUser(service.request, { name });
          const [row] = await service.database.query('select name from users where id = $1', [
            user.id,
          ]);

          expect(user.name).toBe(name);
          expect(row).toEqual({ name });
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each([
    `Robert'); drop table users;--`,
    `'||(select version())||'`,
    '$1 ? ?? \\? \\',
    '/* -- */',
    '👩‍🚀\u202E𝒜',
    "E'\\x27'",
    '{"$ne": null}',
  ])('keeps the name %j', async (name) => {
    const user = await addUser(service.request, { name });

    const response = await service.request.patch(`/users/${user.id}`).send({ name: `${name}!` });

    expect(user.name).toBe(name);
    expect(response.body).toMatchObject({ name: `${name}!` });
  });

  it.each([
    ['NUL in the name', { name: 'a\0b' }, 'name'],
    ['a blank name', { name: ' ' }, 'name'],
    ['a name of 101 characters', { name: 'a'.repeat(101) }, 'name'],
    ['a line break in the name', { name: 'a\r\nb' }, 'name'],
    ['NUL in the address', { email: 'a\0@example.com' }, 'email'],
    ['blanks around the address', { email: ' a@example.com' }, 'email'],
    ['an operator object', { email: { $ne: '' } }, 'email'],
    ['a number', { name: 1 }, 'name'],
    ['an id of the own choice', { id: randomUUID() }, ''],
  ])('refuses %s with 422 and says where', async (_, fault, path) => {
    const response = await service.request
      .post('/users')
      .send({ email: newEmail(), name: 'Ada', ...fault });

    expect(response.status).toBe(422);
    expect(response.body).toMatchObject({ code: 'INPUT_INVALID', errors: [{ path }] });
  });

  it.each(['null', '[]', '"ada"', '1', 'true', '{}'])('refuses the body %s', async (body) => {
    const response = await service.request.post('/users').type('json').send(body);

    expect(response.status).toBe(422);
    expect(response.body).toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('reading a user', () => {
  it('answers 304 while the entity tag is the present one', async () => {
    const { id } = await addUser(service.request);
    const { etag = '' } = (await service.request.get(`/users/${id}`)).headers;

    const fresh = await service.request.get(`/users/${id}`).set('If-None-Match', etag);
    await service.request.patch(`/users/${id}`).send({ name: 'Grace' });
    const changed = await service.request.get(`/users/${id}`).set('If-None-Match', etag);

    expect(fresh.status).toBe(304);
    expect(fresh.text).toBe('');
    expect(fresh.headers['etag']).toBe(etag);
    expect(changed.status).toBe(200);
    expect(changed.headers['etag']).not.toBe(etag);
  });

  it('takes an id in either case', async () => {
    const user = await addUser(service.request);

    const response = await service.request.get(`/users/${user.id.toUpperCase()}`);

    expect(response.body).toEqual(user);
  });

  it('answers 404 for a user that is not there', async () => {
    const response = await service.request.get(`/users/${randomUUID()}`);

    expect(response.status).toBe(404);
    expect(response.body).toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each(['1', `{${randomUUID()}}`, `${randomUUID()}x`, '%00', "'or'1'='1", '[object Object]'])(
    'answers 400 for the id %s',
    async (id) => {
      const response = await service.request.get(`/users/${encodeURI(id)}`);

      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({ code: 'INPUT_INVALID' });
    },
  );
});

describe('changing a user', () => {
  it('changes the fields named and nothing else', async () => {
    const user = await addUser(service.request);
    await service.database.query(
      `update users set updated_at = updated_at - interval '1 day' where id = $1`,
      [user.id],
    );

    const response = await service.request.patch(`/users/${user.id}`).send({ name: 'Grace' });

    expect(response.status).toBe(200);
    expect(response.body).toEqual({
      ...user,
      name: 'Grace',
      updatedAt: expect.any(String),
    });
    expect(Date.parse(response.body.updatedAt)).toBeGreaterThanOrEqual(Date.parse(user.createdAt));
    expect(response.headers['etag']).toBe('"2"');
  });

  it('answers 200 and the same version when nothing changes', async () => {
    const user = await addUser(service.request);

    const response = await service.request.patch(`/users/${user.id}`).send({ name: user.name });

    expect(response.status).toBe(200);
    expect(response.body).toEqual(user);
    expect(response.headers['etag']).toBe('"1"');
  });

  it.each([
    [200, '"1"'],
    [200, '*'],
    [200, '"7", "1"'],
    [412, '"2"'],
    [412, 'W/"1"'],
    [400, '1'],
  ])('answers %i to If-Match: %s on the first version', async (status, ifMatch) => {
    const user = await addUser(service.request);

    const response = await service.request
      .patch(`/users/${user.id}`)
      .set('If-Match', ifMatch)
      .send({ name: 'Grace' });

    const { body } = await service.request.get(`/users/${user.id}`);
    expect(response.status).toBe(status);
    expect(body.name).toBe(status === 200 ? 'Grace' : user.name);
  });

  it('names a stale If-Match by its code', async () => {
    const user = await addUser(service.request);
    await service.request.patch(`/users/${user.id}`).send({ name: 'Grace' });

    const response = await service.request
      .patch(`/users/${user.id}`)
      .set('If-Match', '"1"')
      .send({ name: 'Eve' });

    expect(response.body).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
  });

  it('refuses an address that is taken, yet takes its own in another case', async () => {
    const user = await addUser(service.request);
    const other = await addUser(service.request);

    const taken = await service.request
      .patch(`/users/${user.id}`)
      .send({ email: other.email.toUpperCase() });
    const own = await service.request
      .patch(`/users/${user.id}`)
      .send({ email: user.email.toUpperCase() });

    expect(taken.body).toMatchObject({ status: 409, code: 'DB_UNIQUE' });
    expect(own.body).toMatchObject({ email: user.email.toUpperCase() });
  });

  it.each([
    [422, {}],
    [422, { id: randomUUID() }],
    [422, { version: 9 }],
    [422, { name: null }],
  ])('answers %i to %j', async (status, changes) => {
    const { id } = await addUser(service.request);

    const response = await service.request.patch(`/users/${id}`).send(changes);

    expect(response.status).toBe(status);
    expect(response.body).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('answers 404 for a user that is not there', async () => {
    const response = await service.request.patch(`/users/${randomUUID()}`).send({ name: 'Ada' });

    expect(response.body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('removing a user', () => {
  it('answers 204 once and 404 from then on', async () => {
    const { id } = await addUser(service.request);

    const first = await service.request.delete(`/users/${id}`);
    const second = await service.request.delete(`/users/${id}`);

    expect(first.status).toBe(204);
    expect(first.text).toBe('');
    expect(second.status).toBe(404);
    expect((await service.request.get(`/users/${id}`)).status).toBe(404);
  });

  it('takes the memberships along', async () => {
    const { id: teamId } = await addTeam(service.request);
    const { id: userId } = await addUser(service.request);
    await addMember(service.request, { teamId, userId, role: 'member' });

    const response = await service.request.delete(`/users/${userId}`);

    const { body } = await service.request.get(`/teams/${teamId}?include=members`);
    expect(response.status).toBe(204);
    expect(body.members).toHaveLength(1);
  });

  it('is refused with 409 for the last owner of a team', async () => {
    const { id: ownerId } = await addUser(service.request);
    const { id: teamId } = await addTeam(service.request, { ownerId });
    const { id: userId } = await addUser(service.request);
    await addMember(service.request, { teamId, userId, role: 'member' });

    const refused = await service.request.delete(`/users/${ownerId}`);
    await service.request.delete(`/teams/${teamId}`);
    const allowed = await service.request.delete(`/users/${ownerId}`);

    expect(refused.body).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect(allowed.status).toBe(204);
  });

  it('is refused with 412 when If-Match names another version', async () => {
    const { id } = await addUser(service.request);

    const response = await service.request.delete(`/users/${id}`).set('If-Match', '"2"');

    expect(response.body).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
    expect((await service.request.get(`/users/${id}`)).status).toBe(200);
  });
});

it('a method that users do not take is answered 405 with those they take', async () => {
  const one = await service.request.put(`/users/${randomUUID()}`).send({});
  const all = await service.request.delete('/users');

  expect(one.status).toBe(405);
  expect(one.headers['allow']).toBe('GET, PATCH, DELETE, HEAD, OPTIONS');
  expect(all.status).toBe(405);
  expect(all.headers['allow']).toBe('POST, GET, HEAD, OPTIONS');
});
