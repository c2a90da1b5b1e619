import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { Secret } from '#config/secret.ts';
import { poolReport, statementsReport, testApp } from './http-fixture.ts';

const TOKEN = 'a-management-token';
const token = new Secret(TOKEN);
const listener = { host: '127.0.0.1', port: 0 };
const GUARDED = [
  ['get', '/pool', 200],
  ['post', '/pool/evict', 202],
  ['get', '/pool/queries', 200],
  ['get', '/info', 200],
  ['get', '/loglevel', 200],
  // Without a body it goes no further than that.
  ['put', '/loglevel', 400],
] as const;
const STRANGERS = [
  undefined,
  'Bearer wrong',
  `Basic ${TOKEN}`,
  TOKEN,
  `Bearer ${TOKEN}x`,
  'Bearer',
];
/** Requests to everything guarded, with everything that is no token. */
const INTRUSIONS = GUARDED.flatMap(([method, path]) =>
  STRANGERS.map((authorization) => ({ method, path, authorization })),
);

describe('the pool', () => {
  it('is shown as it is now', async () => {
    const response = await request(testApp().app).get('/pool');

    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.body).toEqual({ ...poolReport, pools: [] });
  });

  it('is evicted when that is asked for, which is accepted and not yet done', async () => {
    const target = testApp();

    const response = await request(target.app).post('/pool/evict');

    expect(response.status).toBe(202);
    expect(response.body).toEqual({ pool: 'main', retired: 4, retiring: 1, pools: [] });
    expect(target.evictions).toBe(1);
  });

  it('is not evicted by looking', async () => {
    const target = testApp();

    const response = await request(target.app).get('/pool/evict');

    expect(response.status).toBe(405);
    expect(response.headers['allow']).toBe('POST, OPTIONS');
    expect(target.evictions).toBe(0);
  });

  it('costs no session, and no line in the log unless it is evicted', async () => {
    const { app, sessions, log } = testApp();

    await request(app).get('/pool');
    await request(app).post('/pool/evict');

    expect(sessions).toEqual([]);
    expect(log.lines).toMatchObject([{ event: 'http.request', route: '/pool/evict', status: 202 }]);
  });
});

describe('the list of statements', () => {
  it('has as many as are asked for, 20 unless told', async () => {
    const target = request(testApp().app);

    const [two, unlimited] = [
      await target.get('/pool/queries?limit=2'),
      await target.get('/pool/queries'),
    ];

    expect([two.status, unlimited.status]).toEqual([200, 200]);
    expect(two.body).toEqual(statementsReport(2));
    expect(unlimited.body).toEqual(statementsReport(20));
    expect(two.headers['cache-control']).toBe('no-store');
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', 'sort=calls'])(
    'is refused with ?%s',
    async (query) => {
      const response = await request(testApp().app).get(`/pool/queries?${query}`);

      expect(response.status).toBe(400);
      expect(response.body.code).toBe('INPUT_INVALID');
    },
  );

  it('costs no session and no line in the log', async () => {
    const { app, sessions, log } = testApp();

    await request(app).get('/pool/queries');

    expect([sessions, log.lines]).toEqual([[], []]);
  });
});

describe.each([
  ['the port of the API', undefined, 'app'],
  ['a listener of its own', listener, 'management'],
] as const)('management on %s in production', (_where, where, side) => {
  const options = { environment: 'production', token, ...(where && { listener: where }) } as const;

  it.each(INTRUSIONS)(
    'is closed to $method $path with $authorization',
    async ({ method, path, authorization }) => {
      const target = testApp(options);

      const asked = request(target[side])[method](path);
      const response = await asked.set(
        authorization === undefined ? {} : { Authorization: authorization },
      );

      expect(response.status).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect(response.headers['content-type']).toBe('application/problem+json');
      expect(response.body).toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
      expect(target.evictions).toBe(0);
    },
  );

  it.each(GUARDED)('is open to whoever has the token: %s %s', async (method, path, status) => {
    const asked = request(testApp(options)[side])[method](path);
    const response = await asked.set('Authorization', `Bearer ${TOKEN}`);

    expect(response.status).toBe(status);
  });

  it('shows metrics to all who reach it', async () => {
    expect((await request(testApp(options)[side]).get('/metrics')).status).toBe(200);
  });
});

describe('management in production without a token', () => {
  it.each(GUARDED)('is closed on the port of the API: %s %s', async (method, path) => {
    const { app } = testApp({ environment: 'production' });

    const response = await request(app)[method](path).set('Authorization', 'Bearer undefined');

    expect(response.status).toBe(401);
  });

  it.each(GUARDED)('is open on a listener of its own: %s %s', async (method, path, status) => {
    const { management } = testApp({ environment: 'production', listener });

    expect((await request(management)[method](path)).status).toBe(status);
  });

  it('shows the details of health on a listener of its own', async () => {
    const { management } = testApp({ environment: 'production', listener });

    expect((await request(management).get('/healthz')).body.output).toBe('all is well');
  });
});

describe('a management listener', () => {
  it.each([
    ['get', '/metrics'],
    ['get', '/pool'],
    ['post', '/pool/evict'],
    ['get', '/pool/queries'],
    ['get', '/info'],
    ['get', '/loglevel'],
    ['put', '/loglevel'],
  ] as const)('takes %s %s away from the API', async (method, path) => {
    const { app } = testApp({ listener, token });

    const response = await request(app)[method](path).set('Authorization', `Bearer ${TOKEN}`);

    expect(response.status).toBe(404);
    expect(response.body.code).toBe('NOT_FOUND');
  });

  it('takes the details of health away from the API, from the development machine, too', async () => {
    const { app, management } = testApp({ listener, token, environment: 'development' });

    const onApi = await request(app).get('/healthz').set('Authorization', `Bearer ${TOKEN}`);
    const onManagement = await request(management).get('/healthz');

    expect(onApi.body).toEqual({ status: 'pass', checks: {} });
    expect(onManagement.body).toEqual({ status: 'pass', output: 'all is well', checks: {} });
  });

  it.each(['/livez', '/readyz', '/healthz'])('answers %s, as the API does', async (path) => {
    const { app, management } = testApp({ listener });

    expect((await request(app).get(path)).status).toBe(200);
    expect((await request(management).get(path)).status).toBe(200);
  });

  it.each(['/items', '/openapi.json', '/docs', '/'])(
    'serves nothing of the API: %s',
    async (path) => {
      const { management } = testApp({ listener });

      expect((await request(management).get(path)).status).toBe(404);
    },
  );

  it('is told of to no page of another origin', async () => {
    const { management } = testApp({ listener, http: { corsOrigins: ['https://app.example'] } });

    const response = await request(management).get('/pool').set('Origin', 'https://app.example');

    expect(response.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('is not in the description of the API', async () => {
    const { body } = await request(testApp({ listener }).app).get('/openapi.json');

    expect(Object.keys(body.paths)).not.toContain('/pool');
    expect(Object.keys(body.paths)).toContain('/livez');
  });
});
