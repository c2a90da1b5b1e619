import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ID, testApp } from './http-fixture.ts';

describe('the path and method of a request', () => {
  it('answers 404 with a problem where nothing is', async () => {
    const response = await request(testApp().app).get('/nowhere');

    expect(response.status).toBe(404);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.body).toMatchObject({
      type: '/docs/errors.md#not_found',
      title: 'Not found',
      status: 404,
      code: 'NOT_FOUND',
    });
  });

  it.each(['/Items', '/items/', '//items', `/items/${ID}/`, '/items/a/b', '/%00', '/%ff'])(
    'knows %s not',
    async (path) => {
      const response = await request(testApp().app).get(path);

      expect(response.status).toBe(404);
    },
  );

  it.each(['put', 'patch', 'trace'] as const)('answers 405 with Allow to %s', async (method) => {
    const response = await request(testApp().app)[method]('/items');

    expect(response.status).toBe(405);
    expect(response.headers.allow).toBe('GET, POST, HEAD, OPTIONS');
    expect(response.body.code).toBe('METHOD_NOT_ALLOWED');
  });

  it.each([
    ['/items', 'GET, POST, HEAD, OPTIONS'],
    [`/items/${ID}`, 'GET, DELETE, HEAD, OPTIONS'],
    ['/livez', 'GET, HEAD, OPTIONS'],
    ['/metrics', 'GET, HEAD, OPTIONS'],
    ['/docs', 'GET, HEAD, OPTIONS'],
  ])('answers OPTIONS %s with Allow', async (path, allow) => {
    const { app, sessions } = testApp();

    const response = await request(app).options(path);

    expect(response.status).toBe(204);
    expect(response.headers.allow).toBe(allow);
    expect(sessions).toEqual([]);
  });

  it.each(['/items', `/items/${ID}`, '/livez', '/readyz', '/healthz', '/metrics', '/openapi.json'])(
    'answers HEAD %s like GET, without the body',
    async (path) => {
      const { app } = testApp();

      const get = await request(app).get(path);
      const head = await request(app).head(path);

      expect(head.status).toBe(200);
      expect(head.headers['content-length']).toBe(get.headers['content-length']);
      expect(head.text).toBeUndefined();
    },
  );

  it('reads HEAD in a read-only session named after the route', async () => {
    const { app, sessions } = testApp();

    await request(app).head(`/items/${ID}`);

    expect(sessions).toEqual([{ name: 'GET /items/:id', readOnly: true, outcome: 'commit' }]);
  });

  it.each(['/items/%zz', '/items/%', '/items/%c3%28'])(
    'answers 400 to the badly encoded %s',
    async (path) => {
      const response = await request(testApp().app).get(path);

      expect(response.status).toBe(400);
      expect(response.body.code).toBe('INPUT_INVALID');
    },
  );

  it.each(['nonsense', `{${ID}}`, `urn:uuid:${ID}`, ID.replaceAll('-', ''), `${ID}%00`, '%20'])(
    'answers 400 to the id %s',
    async (id) => {
      const response = await request(testApp().app).get(`/items/${id}`);

      expect(response.status).toBe(400);
      expect(response.body.errors).toEqual([{ path: 'id', message: 'must be a UUID' }]);
    },
  );

  it('takes an id in upper case for the same id', async () => {
    const response = await request(testApp().app).get(`/items/${ID.toUpperCase()}`);

    expect(response.body.id).toBe(ID);
  });
});

describe('the query of a request', () => {
  it.each([
    'limit=0',
    'limit=-1',
    'limit=101',
    'limit=1e2',
    'limit=0x10',
    'limit=1.5',
    'limit=NaN',
    'limit=',
    'limit=%201',
    'limit=1000000000',
    'limit=1&limit=2',
    'limit[]=1',
    'limit[$gt]=1',
    'a[b]=',
    'unknown=1',
    '__proto__=1',
    'constructor=1',
    'limit=%zz',
    '%zz',
    `cursor=${'a'.repeat(513)}`,
  ])('is refused as %.20s', async (query) => {
    const response = await request(testApp().app).get(`/items?${query}`);

    expect(response.status).toBe(400);
    expect(response.body.code).toBe('INPUT_INVALID');
  });

  it('is refused where none is known', async () => {
    const response = await request(testApp().app).get(`/items/${ID}?x=1`);

    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ path: '', message: 'unknown key' }]);
  });

  it.each(['', '?', '?limit=1', '?limit=100', '?cursor=abc'])('is taken as %s', async (query) => {
    const response = await request(testApp().app).get(`/items${query}`);

    expect(response.status).toBe(200);
  });
});

describe('the Accept header', () => {
  it.each(['text/html', 'application/xml', 'image/*', 'application/json;q=0'])(
    'that says %s is answered with 406',
    async (accept) => {
      const response = await request(testApp().app).get('/items').set('Accept', accept);

      expect(response.status).toBe(406);
      expect(response.body.code).toBe('NOT_ACCEPTABLE');
    },
  );

  it.each([
    'application/json',
    '*/*',
    'application/*',
    'application/problem+json',
    'text/html, */*;q=0.1',
    '',
  ])('that says "%s" is served', async (accept) => {
    const response = await request(testApp().app).get('/items').set('Accept', accept);

    expect(response.status).toBe(200);
  });

  it('does not matter to probes', async () => {
    const response = await request(testApp().app).get('/livez').set('Accept', 'text/html');

    expect(response.status).toBe(200);
  });
});

describe('the headers of an answer', () => {
  it('keep browsers from guessing, framing, caching and naming the software', async () => {
    const { headers } = await request(testApp().app).get('/items');

    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['strict-transport-security']).toBeUndefined();
  });

  it('allow no other origin by default', async () => {
    const { headers } = await request(testApp().app)
      .get('/items')
      .set('Origin', 'https://evil.example');

    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('allow the configured origins, and those alone', async () => {
    const { app } = testApp({ http: { corsOrigins: ['https://app.example'] } });

    const preflight = await request(app)
      .options('/items')
      .set('Origin', 'https://app.example')
      .set('Access-Control-Request-Method', 'POST');
    const stranger = await request(app).get('/items').set('Origin', 'https://evil.example');

    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('https://app.example');
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');
    expect(preflight.headers.allow).toBe('GET, POST, HEAD, OPTIONS');
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('entity tags', () => {
  it.each(['"3"', 'W/"3"', '*', '"1", "3"'])('answer 304 to If-None-Match %s', async (tag) => {
    const response = await request(testApp().app).get(`/items/${ID}`).set('If-None-Match', tag);

    expect(response.status).toBe(304);
    expect(response.headers.etag).toBe('"3"');
    expect(response.text).toBe('');
  });

  it('answer the resource to If-None-Match of another version', async () => {
    const response = await request(testApp().app).get(`/items/${ID}`).set('If-None-Match', '"2"');

    expect(response.status).toBe(200);
    expect(response.headers.etag).toBe('"3"');
  });

  it('answer 400 to an If-None-Match that is none', async () => {
    const response = await request(testApp().app).get(`/items/${ID}`).set('If-None-Match', 'oops');

    expect(response.status).toBe(400);
  });
});
