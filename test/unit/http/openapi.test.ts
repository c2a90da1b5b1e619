import { Ajv2020 } from 'ajv/dist/2020.js';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { SERVICE_PATHS } from '#http/service-paths.ts';
import { itemRoutes, testApp } from './http-fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

async function document(): Promise<Document> {
  const response = await request(testApp().app).get('/openapi.json');
  return response.body as Document; // adapter: the test asserts its shape
}

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : references(inner),
  );
}

function resolve(root: unknown, reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[key], root);
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 with the name and version of the service', async () => {
    const response = await request(testApp().app).get('/openapi.json');

    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.body).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\./),
      info: { title: 'test', version: '1.2.3' },
    });
  });

  it('has every route, and no other', async () => {
    const { paths } = await document();

    const documented = Object.entries(paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
      .toSorted();

    expect(documented).toEqual(
      [
        'put /loglevel',
        ...SERVICE_PATHS.map((path) => `${path === '/pool/evict' ? 'post' : 'get'} ${path}`),
        ...itemRoutes.map(({ method, path }) => `${method} ${path.replace(':id', '{id}')}`),
      ].toSorted(),
    );
  });

  it('names every operation once', async () => {
    const { paths } = await document();

    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );

    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers to nothing that it does not hold', async () => {
    const whole = await document();

    const dangling = references(whole).filter((ref) => resolve(whole, ref) === undefined);

    expect(dangling).toEqual([]);
  });

  it('holds schemas that a JSON Schema validator understands', async () => {
    const { components } = await document();
    const ajv = new Ajv2020({ strict: false, validateFormats: false });

    const whole = { $id: 'https://api.test/schema', components };
    ajv.addSchema(whole);

    expect(
      Object.keys(components.schemas).map(
        (name) =>
          typeof ajv.compile({ $ref: `https://api.test/schema#/components/schemas/${name}` }),
      ),
    ).toEqual(Object.keys(components.schemas).map(() => 'function'));
  });

  it('describes the problems that are really sent', async () => {
    const { components } = await document();
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(components.schemas['Problem'] ?? {});
    const { app } = testApp();

    const missing = await request(app).get('/nowhere');
    const invalid = await request(app).get('/items?limit=0');

    expect(validate(missing.body)).toBe(true);
    expect(validate(invalid.body)).toBe(true);
    expect(validate({ ...missing.body, code: 'NO_SUCH_CODE' })).toBe(false);
  });

  it.each([
    ['/items', 'post', ['201', '400', '406', '409', '413', '415', '422', '500', '503', '504']],
    ['/items/{id}', 'get', ['200', '304', '400', '404', '406', '500', '503', '504']],
    ['/items/{id}', 'delete', ['204', '400', '404', '406', '412', '500', '503', '504']],
  ] as const)('tells the answers of %s %s', async (path, method, statuses) => {
    const { paths } = await document();

    expect(Object.keys(paths[path]?.[method]?.responses ?? {})).toEqual(statuses);
  });

  it('tells the answers of the pool, as they are really sent, and that they may need a token', async () => {
    const whole = await document();
    const operation = whole.paths['/pool']?.['get'];
    const answers = operation?.responses ?? {};
    const ajv = new Ajv2020({ strict: true, validateFormats: false });
    const validate = ajv.compile(answers['200']?.content?.['application/json']?.schema ?? {});

    const { body } = await request(testApp().app).get('/pool');

    expect(Object.keys(answers)).toEqual(['200', '401']);
    expect(operation).toMatchObject({ security: [{}, { management: [] }] });
    expect(validate(body)).toBe(true);
    expect(validate({ ...body, verdict: 'fine' })).toBe(false);
    expect(validate({ ...body, surprise: true })).toBe(false);
  });

  it('shows the limit as the number it stands for', async () => {
    const { paths } = await document();

    expect(paths['/items']?.['get']).toMatchObject({
      parameters: [
        { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
        { name: 'cursor', in: 'query' },
        { name: 'Read-After', in: 'header' },
      ],
    });
  });
});

describe('/docs', () => {
  it('is a page whose every asset is served from here', async () => {
    const { app } = testApp();

    const page = await request(app).get('/docs');
    const assets = [...page.text.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(
      ([, at]) => `/${at}`,
    );
    const answers = await Promise.all(assets.map((at) => request(app).get(at)));

    expect(page.status).toBe(200);
    expect(page.text).not.toContain('//');
    expect(assets).toHaveLength(3);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.text).not.toMatch(/<script>|onload=/);
  });

  it('links errors to a page that explains them', async () => {
    const { app } = testApp();

    const problem = await request(app).get('/nowhere');
    const page = await request(app).get(problem.body.type);

    expect(page.status).toBe(200);
    expect(page.text).toContain('\n### NOT_FOUND\n');
  });
});
