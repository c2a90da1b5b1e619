import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { testApp } from './http-fixture.ts';

const JSON_TYPE = 'application/json';

function post(body: string | Buffer | undefined, type: string | undefined = JSON_TYPE) {
  const { app } = testApp();
  const pending = request(app)
    .post('/items')
    // Whatever is given goes on the wire as it is.
    .serialize((data: unknown) => String(data));
  const typed = type === '' ? pending : pending.set('Content-Type', type);
  return body === undefined ? typed : typed.send(body);
}

describe('a body', () => {
  it('that is as declared is given to the handler', async () => {
    const response = await post('{"name":"thing","count":2}');

    expect(response.status).toBe(201);
    expect(response.body).toMatchObject({ name: 'thing', count: 2 });
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON',
  ])('is taken as %s', async (type) => {
    const response = await post('{"name":"thing"}', type);

    expect(response.status).toBe(201);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'nonsense',
    'application/json, text/plain',
  ])('is not taken as %s', async (type) => {
    const response = await post('{"name":"thing"}', type);

    expect(response.status).toBe(415);
    expect(response.body.code).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  it('without a Content-Type is not taken', async () => {
    const response = await request(testApp().app)
      .post('/items')
      .set('Content-Type', '')
      .send('{"name":"thing"}');

    expect(response.status).toBe(415);
  });

  it.each(['gzip', 'br', 'zstd', 'nonsense'])('is not taken compressed by %s', async (encoding) => {
    const response = await request(testApp().app)
      .post('/items')
      .set('Content-Type', JSON_TYPE)
      .set('Content-Encoding', encoding)
      .serialize((data: unknown) => data as string)
      .send(gzipSync('{"name":"thing"}'));

    expect(response.status).toBe(415);
  });

  it('is needed', async () => {
    const response = await request(testApp().app).post('/items');

    expect(response.status).toBe(400);
    expect(response.body.detail).toBe('a JSON body is needed');
  });

  it.each(['{', '{"name":}', "{'name':'x'}", '{"name":"a"}x', 'undefined', 'NaN', '{"name":"a",}'])(
    'that is not JSON is answered with 400: %s',
    async (text) => {
      const response = await post(text);

      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({
        code: 'INPUT_INVALID',
        detail: 'the body is not valid JSON',
      });
    },
  );

  it('that is not UTF-8 is answered with 400', async () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);

    const response = await request(testApp().app)
      .post('/items')
      .set('Content-Type', JSON_TYPE)
      .serialize((data: unknown) => data as string)
      .send(bytes);

    expect(response.status).toBe(400);
  });

  it('may begin with a byte order mark', async () => {
    const response = await post('\ufeff{"name":"thing"}');

    expect(response.status).toBe(201);
  });

  it.each(['null', '"text"', '1', 'true', '[]', '[{"name":"x"}]', '{}'])(
    'that is JSON but no item is answered with 422: %s',
    async (text) => {
      const response = await post(text);

      expect(response.status).toBe(422);
      expect(response.body.code).toBe('INPUT_INVALID');
      expect(response.body.errors).not.toEqual([]);
    },
  );

  it.each([
    ['{"name":"a","extra":1}', { path: '', message: 'unknown key; known are: name, count, tags' }],
    ['{"name":"a","name":"b"}', { path: '', message: 'names a key twice' }],
    ['{"name":"a","n\\u0061me":"b"}', { path: '', message: 'names a key twice' }],
    ['{"name":"a","__proto__":{"x":1}}', { path: '', message: 'names a reserved key' }],
    ['{"name":"a","__pr\\u006fto__":1}', { path: '', message: 'names a reserved key' }],
    ['{"constructor":{"prototype":{}}}', { path: '', message: 'names a reserved key' }],
    ['{"name":""}', { path: 'name', message: 'must have at least 1 characters' }],
    ['{"name":"  "}', { path: 'name', message: 'must not be blank' }],
    ['{"name":"\u200b\u202e"}', { path: 'name', message: 'must not be blank' }],
    ['{"name":"a\\u0000b"}', { path: 'name', message: 'must not hold control characters' }],
    ['{"name":"a\\r\\nb"}', { path: 'name', message: 'must not hold control characters' }],
    ['{"name":"\\u001b[31m"}', { path: 'name', message: 'must not hold control characters' }],
    ['{"name":"\\ud800"}', { path: 'name', message: 'must be well-formed Unicode' }],
  ])('breaks a rule: %s', async (text, fault) => {
    const response = await post(text);

    expect(response.status).toBe(422);
    expect(response.body.errors).toContainEqual(fault);
  });

  it.each(['"1"', '1e400', '-1e400', '1.5', '9007199254740993', '-1', 'null', 'true', '{"$gt":0}'])(
    'has no count of %s',
    async (count) => {
      const response = await post(`{"name":"a","count":${count}}`);

      expect(response.status).toBe(422);
      expect(response.body.errors[0].path).toBe('count');
    },
  );

  it.each([
    "O'Brien",
    'a"b\\\\c'.replaceAll('"', '\\"'),
    '$1 ? ?? -- /* */ ;',
    '\u{1f469}\u200d\u{1f680}',
    '\u202eabc',
    '\u6f22\u5b57',
  ])('may hold any text: %s', async (name) => {
    const response = await post(`{"name":"${name}"}`);

    expect(response.status).toBe(201);
    expect(response.body.name).toBe(JSON.parse(`"${name}"`));
  });

  it('counts characters as people and PostgreSQL do', async () => {
    const twenty = await post(JSON.stringify({ name: '\u{1f600}'.repeat(20) }));
    const more = await post(JSON.stringify({ name: '\u{1f600}'.repeat(21) }));

    expect(twenty.status).toBe(201);
    expect(more.status).toBe(422);
  });

  it('may be as large as the limit, and not a byte larger', async () => {
    const limit = { http: { bodyLimitBytes: 100 } };
    const fits = JSON.stringify({ name: 'a', tags: [] }).padEnd(100);

    const within = await request(testApp(limit).app).post('/items').type('json').send(fits);
    const beyond = await request(testApp(limit).app).post('/items').type('json').send(`${fits} `);

    expect(within.status).toBe(201);
    expect(beyond.status).toBe(413);
    expect(beyond.body.code).toBe('PAYLOAD_TOO_LARGE');
  });

  it.each(['[', '{"a":'])('nested by 30,000 times %s is refused', async (open) => {
    const close = open === '[' ? ']' : '}';

    const response = await post(`${open.repeat(15_000)}1${close.repeat(15_000)}`);

    expect(response.status).toBe(422);
    expect(response.body.errors[0].message).toBe('must not be nested deeper than 32 levels');
  });

  it('of very many keys is refused with a small answer', async () => {
    const keys = Array.from({ length: 8000 }, (_, index) => [`key${index}`, 1]);

    const response = await post(JSON.stringify(Object.fromEntries(keys)));

    expect(response.status).toBe(422);
    expect(response.body.errors.length).toBeLessThan(5);
  });

  it('with very many faults is answered with the first twenty', async () => {
    const response = await post(
      JSON.stringify({ name: 'a', tags: Array.from({ length: 999 }, () => 1) }),
    );

    expect(response.status).toBe(422);
    expect(response.body.errors).toHaveLength(20);
  });

  it('is not read where none is taken', async () => {
    const { app } = testApp();

    const response = await request(app).get('/items').send({ ignored: true });

    expect(response.status).toBe(200);
  });
});
