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

describe('adding a member', () => {
  it('answers 201 with the member', async () => {
    const { id: teamId } = await addTeam(service.request);
    const user = await addUser(service.request);

    const response = await service.request
      .post(`/teams/${teamId}/members`)
      .send({ userId: user.id, role: 'member' });

    expect(response.status).toBe(201);
    expect(response.headers['location']).toBe(`/teams/${teamId}/members/${user.id}`);
    expect(response.body).toEqual({
      userId: user.id,
      email: user.email,
      name: user.name,
      role: 'member',
      joinedAt: expect.any(String),
    });
  });

  it('who is one already is refused with 409, whatever the role', async () => {
    const { id: userId } = await addUser(service.request);
    const { id: teamId } = await addTeam(service.request, { ownerId: userId });

    const response = await service.request
      .post(`/teams/${teamId}/members`)
      .send({ userId, role: 'member' });

    expect(response.body).toMatchObject({
      status: 409,
      code: 'DB_UNIQUE',
      detail: 'the user is a member of this team already',
    });
  });

  it('who is no user is refused with 422', async () => {
    const { id: teamId } = await addTeam(service.request);

    const response = await service.request
      .post(`/teams/${teamId}/members`)
      .send({ userId: randomUUID(), role: 'member' });

    expect(response.body).toMatchObject({
      status: 422,
      code: 'INPUT_INVALID',
      errors: [{ path: 'userId' }],
    });
  });

  it('of a team that is not there is answered 404', async () => {
    const { id: userId } = await addUser(service.request);

    const response = await service.request
      .post(`/teams/${randomUUID()}/members`)
      .send({ userId, role: 'member' });

    expect(response.body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  it.each([
    [{ role: 'member' }, 'userId'],
    [{ userId: randomUUID() }, 'role'],
    [{ userId: randomUUID(), role: 'admin' }, 'role'],
    [{ userId: randomUUID(), role: { $ne: 'owner' } }, 'role'],
    [{ userId: randomUUID(), role: 'member', team: randomUUID() }, ''],
  ])('is refused with 422 for %j', async (body, path) => {
    const { id: teamId } = await addTeam(service.request);

    const response = await service.request.post(`/teams/${teamId}/members`).send(body);

    expect(response.body).toMatchObject({ status: 422, errors: [{ path }] });
  });
});

describe('taking a member out', () => {
  it('answers 204 once and 404 from then on', async () => {
    const { id: teamId } = await addTeam(service.request);
    const { id: userId } = await addUser(service.request);
    await addMember(service.request, { teamId, userId, role: 'member' });

    const first = await service.request.delete(`/teams/${teamId}/members/${userId}`);
    const second = await service.request.delete(`/teams/${teamId}/members/${userId}`);

    expect([first.status, second.status]).toEqual([204, 404]);
  });

  it('is refused with 409 for the last owner, not for one of two', async () => {
    const { id: firstOwner } = await addUser(service.request);
    const { id: secondOwner } = await addUser(service.request);
    const { id: teamId } = await addTeam(service.request, { ownerId: firstOwner });
    const leave = (userId: string) => service.request.delete(`/teams/${teamId}/members/${userId}`);

    const alone = await leave(firstOwner);
    await addMember(service.request, { teamId, userId: secondOwner, role: 'owner' });
    const oneOfTwo = await leave(firstOwner);
    const last = await leave(secondOwner);

    expect(alone.body).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect(oneOfTwo.status).toBe(204);
    expect(last.status).toBe(409);
  });

  it.each([
    ['the team', `/teams/${randomUUID()}/members/${randomUUID()}`, 404],
    ['a team that is no id', `/teams/x/members/${randomUUID()}`, 400],
    ['a user that is no id', `/teams/${randomUUID()}/members/x`, 400],
  ])('answers for %s that is not there', async (_, path, status) => {
    const response = await service.request.delete(path);

    expect(response.status).toBe(status);
  });
});
