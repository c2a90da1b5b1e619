import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { Secret } from '#config/secret.ts';
import type { HealthSnapshot } from '#http/health-source.ts';
import { testApp } from './http-fixture.ts';

const TOKEN = 'a-management-token';

const down: HealthSnapshot = {
  state: 'down',
  code: 'DB_CONNECT_REFUSED',
  message: 'nobody listens at db:5432: is PostgreSQL running?',
  checks: {
    'database:connectivity': { status: 'fail', output: 'refused', code: 'DB_CONNECT_REFUSED' },
    'database:pool': { status: 'pass', observedValue: 0, observedUnit: 'connections' },
  },
};

function appIn(snapshot: HealthSnapshot, environment: 'development' | 'production' = 'production') {
  return testApp({
    environment,
    token: new Secret(TOKEN),
    health: { snapshot: () => snapshot },
  });
}

describe('/livez', () => {
  it('is 200 whatever the database does, and opens no session', async () => {
    const { app, sessions } = appIn(down);

    const response = await request(app).get('/livez');

    expect(response.status).toBe(200);
    expect(response.body).toEqual({ status: 'live' });
    expect(sessions).toEqual([]);
  });
});

describe('/readyz', () => {
  it.each([
    ['up', 200],
    ['saturated', 200],
    ['starting', 503],
    ['down', 503],
    ['migrations_pending', 503],
    ['read_only', 503],
    ['draining', 503],
  ] as const)('says %s with %i, and no more', async (state, status) => {
    const { app } = appIn({ ...down, state });

    const response = await request(app).get('/readyz');

    expect(response.status).toBe(status);
    expect(response.body).toEqual({ status: state });
  });
});

describe('/healthz', () => {
  it.each([
    ['up', 200, 'pass'],
    ['saturated', 200, 'warn'],
    ['down', 503, 'fail'],
    ['draining', 503, 'fail'],
  ] as const)('answers %s with %i %s', async (state, status, verdict) => {
    const { app } = appIn({ state, message: 'x', checks: {} });

    const response = await request(app).get('/healthz');

    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toBe('application/health+json');
    expect(response.body.status).toBe(verdict);
  });

  it('warns while one check is not well', async () => {
    const { app } = appIn({
      state: 'up',
      message: 'x',
      checks: { 'process:eventLoop': { status: 'warn' } },
    });

    const response = await request(app).get('/healthz');

    expect(response.status).toBe(200);
    expect(response.body.status).toBe('warn');
  });

  it('tells strangers in production what is checked, not what was found', async () => {
    const response = await request(appIn(down).app).get('/healthz');

    expect(response.body).toEqual({
      status: 'fail',
      checks: {
        'database:connectivity': [{ status: 'fail' }],
        'database:pool': [{ status: 'pass' }],
      },
    });
  });

  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`])(
    'tells why to whoever has the token',
    async (authorization) => {
      const { app } = appIn(down);

      const response = await request(app).get('/healthz').set('Authorization', authorization);

      expect(response.body).toMatchObject({
        output: down.message,
        code: 'DB_CONNECT_REFUSED',
        checks: { 'database:connectivity': [{ output: 'refused', code: 'DB_CONNECT_REFUSED' }] },
      });
    },
  );

  it.each(['Bearer wrong', `Basic ${TOKEN}`, TOKEN, 'Bearer', `Bearer ${TOKEN}x`])(
    'tells a stranger nothing for %s',
    async (authorization) => {
      const { app } = appIn(down);

      const response = await request(app).get('/healthz').set('Authorization', authorization);

      expect(response.status).toBe(503);
      expect(response.body.output).toBeUndefined();
    },
  );

  it('has no secret way in when no token is set', async () => {
    const { app } = testApp({ environment: 'production', health: { snapshot: () => down } });

    const response = await request(app).get('/healthz').set('Authorization', 'Bearer undefined');

    expect(response.body.output).toBeUndefined();
  });

  it('tells why in development', async () => {
    const response = await request(appIn(down, 'development').app).get('/healthz');

    expect(response.body.output).toBe(down.message);
  });
});

describe('/metrics', () => {
  it('is written in the format that Accept asks for', async () => {
    const response = await request(testApp().app)
      .get('/metrics')
      .set('Accept', 'application/openmetrics-text');

    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4');
    expect(response.headers.vary).toContain('Accept');
    expect(response.text).toBe('# application/openmetrics-text\n');
  });

  it('answers with a problem when it cannot be written', async () => {
    const { app } = testApp({ metrics: { render: () => Promise.reject(new Error('broken')) } });

    const response = await request(app).get('/metrics');

    expect(response.status).toBe(500);
    expect(response.body.code).toBe('INTERNAL');
  });
});
