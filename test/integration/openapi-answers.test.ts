import { randomUUID } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import type { Response, Test } from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addMember, addTeam, addUser, newEmail } from '#test/support/api-rows.ts';
import { buildTestService, type TestService } from '#test/support/build-test-service.ts';
import { TestDatabase } from '#test/support/test-database.ts';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
        readonly content?: object;
      }
    >
  >;
}

/** An operation with where it is mounted. */
interface Mounted extends Operation {
  readonly path: string;
  readonly method: 'get' | 'post' | 'patch' | 'delete';
}

interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<Mounted['method'], Operation>>>>;
}

let service: TestService;
let operations: ReadonlyMap<string, Mounted>;
let ajv: Ajv2020;
let database: TestDatabase;
let userId: string;
let ownerId: string;
let strangerId: string;
let teamId: string;

/** What no client can cause by what it sends. */
const NOT_CAUSED = new Set(['500', '503', '504']);

/** Input that no operation takes, by the status of the answer. */
const INVALID: Readonly<Record<string, (request: Test) => Test>> = {
  400: (request) => request.query({ unknown: 1 }),
  406: (request) => request.set('Accept', 'text/html'),
  413: (request) => request.send({ name: 'a'.repeat(200_000) }),
  415: (request) => request.type('text/plain').send('name=Ada'),
  422: (request) => request.send({ unknown: 1 }),
};

/** Each answer of each operation but those to invalid input. */
const CALLS: readonly (readonly [
  operationId: string,
  status: number,
  call: () => PromiseLike<Response>,
])[] = [
  ['createUser', 201, () => api().post('/users').send({ email: newEmail(), name: 'Ada' })],
  ['createUser', 409, () => api().post('/users').send({ email: 'taken@example.com', name: 'Eve' })],
  ['listUsers', 200, () => api().get('/users?limit=1')],
  ['getUser', 200, () => api().get(`/users/${userId}`)],
  ['getUser', 304, () => api().get(`/users/${userId}`).set('If-None-Match', '*')],
  ['getUser', 404, () => api().get(`/users/${randomUUID()}`)],
  ['updateUser', 200, () => api().patch(`/users/${userId}`).send({ name: 'Grace' })],
  ['updateUser', 404, () => api().patch(`/users/${randomUUID()}`).send({ name: 'Grace' })],
  ['updateUser', 409, () => api().patch(`/users/${userId}`).send({ email: 'taken@example.com' })],
  ['updateUser', 412, () => stale(api().patch(`/users/${userId}`)).send({ name: 'Grace' })],
  ['createTeam', 201, () => api().post('/teams').send({ name: 'Engines', ownerId })],
  ['listTeams', 200, () => api().get('/teams?limit=1&include=members')],
  ['getTeam', 200, () => api().get(`/teams/${teamId}?include=members`)],
  ['getTeam', 304, () => api().get(`/teams/${teamId}`).set('If-None-Match', '*')],
  ['getTeam', 404, () => api().get(`/teams/${randomUUID()}`)],
  ['updateTeam', 200, () => api().patch(`/teams/${teamId}`).send({ name: 'Compilers' })],
  ['updateTeam', 404, () => api().patch(`/teams/${randomUUID()}`).send({ name: 'Compilers' })],
  ['updateTeam', 412, () => stale(api().patch(`/teams/${teamId}`)).send({ name: 'Compilers' })],
  ['addMember', 201, () => api().post(`/teams/${teamId}/members`).send(asMember(strangerId))],
  ['addMember', 404, () => api().post(`/teams/${randomUUID()}/members`).send(asMember(userId))],
  ['addMember', 409, () => api().post(`/teams/${teamId}/members`).send(asMember(ownerId))],
  ['removeMember', 204, () => api().delete(`/teams/${teamId}/members/${userId}`)],
  ['removeMember', 404, () => api().delete(`/teams/${teamId}/members/${randomUUID()}`)],
  ['removeMember', 409, () => api().delete(`/teams/${teamId}/members/${ownerId}`)],
  ['deleteTeam', 204, () => api().delete(`/teams/${teamId}`)],
  ['deleteTeam', 404, () => api().delete(`/teams/${randomUUID()}`)],
  ['deleteTeam', 412, () => stale(api().delete(`/teams/${teamId}`))],
  ['reportSignups', 200, () => api().get('/reports/signups?interval=month')],
  ['deleteUser', 204, () => api().delete(`/users/${userId}`)],
  ['deleteUser', 404, () => api().delete(`/users/${randomUUID()}`)],
  ['deleteUser', 409, () => api().delete(`/users/${ownerId}`)],
  ['deleteUser', 412, () => stale(api().delete(`/users/${userId}`))],
];

beforeAll(async () => {
  database = await TestDatabase.create();
  service = await buildTestService({ database, env: { REPORTING_DATABASE_URL: database.url } });
  const document: OpenApiDocument = (await api().get('/openapi.json').expect(200)).body;
  ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');
  operations = mountedOf(document);
  await addUser(api(), { email: 'taken@example.com' });
});

beforeEach(async () => {
  userId = (await addUser(api())).id;
  ownerId = (await addUser(api())).id;
  strangerId = (await addUser(api())).id;
  teamId = (await addTeam(api(), { ownerId })).id;
  await addMember(api(), { teamId, userId, role: 'member' });
});

afterAll(async () => {
  await service.close();
  await database.drop();
});

describe('the description of the API', () => {
  it.each(CALLS)('says what %s answers with %i', async (operationId, status, call) => {
    const response = await call();

    expect(response.status).toBe(status);
    expect(faultsOf(operationOf(operationId), response)).toEqual([]);
  });

  it.each(Object.entries(INVALID))(
    'says what every operation that may answer %s to invalid input answers',
    async (status, invalid) => {
      const documented = resources().filter(({ responses }) => status in responses);

      const responses = await Promise.all(documented.map((operation) => invalid(call(operation))));

      const faults = documented.map((operation, index) => faultsOf(operation, responses[index]));
      expect(documented.length).toBeGreaterThanOrEqual(4);
      expect(responses.map((response) => String(response.status))).toEqual(
        documented.map(() => status),
      );
      expect(faults.flat()).toEqual([]);
    },
  );

  it('says what the service answers about itself', async () => {
    const services = [...operations.values()].filter(({ tags }) => tags.includes('service'));

    const faults = await Promise.all(
      services.map(async (operation) => {
        const { method, path } = operation;
        return faultsOf(operation, await api()[method](path));
      }),
    );

    expect(services.length).toBeGreaterThanOrEqual(5);
    expect(faults.flat()).toEqual([]);
  });

  it('leaves out nothing and promises nothing that is not tried here', () => {
    const documented = resources().flatMap(({ operationId, responses }) =>
      Object.keys(responses)
        .filter((status) => !NOT_CAUSED.has(status) && !(status in INVALID))
        .map((status) => `${operationId} ${status}`),
    );

    const tried = CALLS.map(([operationId, status]) => `${operationId} ${status}`);
    expect(tried.toSorted()).toEqual(documented.toSorted());
  });

  it('is not met by a body with a key too many or too few, nor by another status', async () => {
    const response = await api().get(`/users/${userId}`);
    const operation = operationOf('getUser');
    const { email: _email, ...tooFew } = response.body;
    const tooMany = { ...response.body, version: 1 };

    expect(faultsOf(operation, response)).toEqual([]);
    expect(faultsOf(operation, { ...partsOf(response), body: tooFew })).toHaveLength(1);
    expect(faultsOf(operation, { ...partsOf(response), body: tooMany })).toHaveLength(1);
    expect(faultsOf(operation, { ...partsOf(response), headers: {} })).not.toEqual([]);
    expect(faultsOf(operationOf('createUser'), response)).toHaveLength(1);
  });
});

interface Answer extends Pick<Response, 'status' | 'type' | 'text' | 'body'> {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

function partsOf({ status, type, headers, text, body }: Answer): Answer {
  return { status, type, headers, text, body };
}

/** How an answer differs from what the description says of it. */
function faultsOf(operation: Mounted, answer: Answer | undefined): string[] {
  if (answer === undefined) {
    return [`${operation.operationId} does not answer`];
  }
  const { status, type, headers, text, body } = answer;
  const documented = operation.responses[status];
  if (documented === undefined) {
    return [`${operation.operationId} answers ${status}`];
  }
  const missing = Object.entries(documented.headers ?? {})
    .filter(([, header]) => '$ref' in header || header.required === true)
    .filter(([name]) => headers[name.toLowerCase()] === undefined)
    .map(([name]) => `${operation.operationId} answers ${status} without ${name}`);
  if (documented.content === undefined) {
    return [...missing, ...(text === '' ? [] : [`${operation.operationId} ${status} has a body`])];
  }
  if (!(type in documented.content)) {
    return [...missing, `${operation.operationId} answers ${status} as ${type}`];
  }
  const isText = typeof body !== 'object' || !type.endsWith('json');
  const schema = ['paths', operation.path, operation.method, 'responses', status, 'content', type]
    .map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  ajv.validate({ $ref: `openapi#/${schema}/schema` }, isText ? text : body);
  return [...missing, ...(ajv.errors ?? []).map((error) => JSON.stringify(error))];
}

function mountedOf({ paths }: OpenApiDocument): Map<string, Mounted> {
  const methods = ['get', 'post', 'patch', 'delete'] as const;
  const mounted = Object.entries(paths).flatMap(([path, item]) =>
    methods.filter((method) => method in item).map((method) => ({ ...item[method], path, method })),
  );
  return new Map(mounted.map((operation) => [operation.operationId, operation]));
}

function operationOf(operationId: string): Mounted {
  const operation = operations.get(operationId);
  if (operation === undefined) {
    throw new Error(`the description has no ${operationId}`);
  }
  return operation;
}

function resources(): Mounted[] {
  return [...operations.values()].filter(({ tags }) => !tags.includes('service'));
}

function api(): TestService['request'] {
  return service.request;
}

function call({ method, path }: Mounted): Test {
  return api()[method](path.replaceAll(/\{\w+\}/g, () => randomUUID()));
}

function stale(request: Test): Test {
  return request.set('If-Match', '"99"');
}

function asMember(id: string): { userId: string; role: 'member' } {
  return { userId: id, role: 'member' };
}
