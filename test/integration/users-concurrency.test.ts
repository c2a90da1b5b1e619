import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { addUser, newEmail } from '#test/support/api-rows.ts';
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

it('of fifty equal users added at once exactly one is there', async () => {
  const email = newEmail();

  const responses = await Promise.all(
    Array.from({ length: 50 }, () => service.request.post('/users').send({ email, name: 'Ada' })),
  );

  const answers = Object.groupBy(responses, ({ body, status }) => body.code ?? String(status));
  expect(answers['201']).toHaveLength(1);
  expect(answers['DB_UNIQUE']?.map(({ status }) => status)).toEqual(Array(49).fill(409));
  expect(await service.database.query('select from users where email = $1', [email])).toHaveLength(
    1,
  );
});

it('of twenty changes of the same version exactly one is made, the others are told', async () => {
  const { id } = await addUser(service.request);

  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      service.request
        .patch(`/users/${id}`)
        .set('If-Match', '"1"')
        .send({ name: `Ada ${index}` }),
    ),
  );

  const made = responses.filter(({ status }) => status === 200);
  const told = responses.filter(({ body }) => body.code === 'PRECONDITION_FAILED');
  const { body, headers } = await service.request.get(`/users/${id}`);
  expect([made.length, told.length]).toEqual([1, 19]);
  expect(body).toEqual(made[0]?.body);
  expect(headers['etag']).toBe('"2"');
});

it('changes of different fields at once are both kept', async () => {
  const { id } = await addUser(service.request);
  const email = newEmail();

  const responses = await Promise.all([
    service.request.patch(`/users/${id}`).send({ name: 'Grace' }),
    service.request.patch(`/users/${id}`).send({ email }),
  ]);

  const { body, headers } = await service.request.get(`/users/${id}`);
  expect(responses.map(({ status }) => status)).toEqual([200, 200]);
  expect(body).toMatchObject({ name: 'Grace', email });
  expect(headers['etag']).toBe('"3"');
});

it('of ten removals at once one succeeds and the others find nothing', async () => {
  const { id } = await addUser(service.request);

  const responses = await Promise.all(
    Array.from({ length: 10 }, () => service.request.delete(`/users/${id}`)),
  );

  expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    204,
    ...Array(9).fill(404),
  ]);
});

it('changes and removals at once end with the user gone and every answer honest', async () => {
  const { id } = await addUser(service.request);

  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      index % 4 === 3
        ? service.request.delete(`/users/${id}`)
        : service.request.patch(`/users/${id}`).send({ name: `Ada ${index}` }),
    ),
  );

  const statuses = responses.map(({ status }) => status);
  expect(statuses.filter((status) => status === 204)).toHaveLength(1);
  expect(statuses.filter((status) => ![200, 204, 404].includes(status))).toEqual([]);
  expect((await service.request.get(`/users/${id}`)).status).toBe(404);
});
