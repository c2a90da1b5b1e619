import { once } from 'node:events';
import { request as send } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testApp, type TestApp } from './http-fixture.ts';

/** Long and strange enough to be nobody's text but the test's. */
const MARK = 'zqxhostilexqz';

const RUNS = { numRuns: 200 };

let target: TestApp;
let server: Server;

beforeAll(async () => {
  target = testApp();
  server = target.app.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

function ask({ method = 'GET', path, headers = {}, body }: Sent) {
  const { port } = server.address() as AddressInfo; // adapter: a listener on TCP
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = send({ port, host: '127.0.0.1', method, path, headers, timeout: 2000 });
    request.on('timeout', () => request.destroy(new Error('hangs')));
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.end(body);
  });
}

/** What is wrong with an answer, whatever was asked. */
function harmIn({ status, text }: { status: number; text: string }): string[] {
  return [
    ...(status >= 500 ? [`status ${status}`] : []),
    ...(text.includes(MARK) ? ['echo'] : []),
    ...(/node_modules|\.ts:\d|select /i.test(text) ? ['internals'] : []),
  ];
}

const hostile = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `${MARK}${text}`);

describe('whatever is sent, the answer is no 5xx, no hang and no echo', { timeout: 30_000 }, () => {
  it('as a JSON value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), hostile, async (value, text) => {
        const body = JSON.stringify({ [text]: value, name: [text, value], count: text });
        const headers = { 'Content-Type': 'application/json' };

        const answer = await ask({ method: 'POST', path: '/items', headers, body });

        expect(harmIn(answer)).toEqual([]);
        expect(answer.status).toBe(422);
      }),
      RUNS,
    );
  });

  it('as bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (body) => {
        const headers = { 'Content-Type': 'application/json' };

        expect(harmIn(await ask({ method: 'POST', path: '/items', headers, body }))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('as broken JSON', async () => {
    const whole = JSON.stringify({ name: MARK, count: 1, tags: [MARK, 'a'] });
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), hostile, async (at, text) => {
        const body = whole.slice(0, at) + text + whole.slice(at + 1);
        const headers = { 'Content-Type': 'application/json' };

        const answer = await ask({ method: 'POST', path: '/items', headers, body });

        expect(answer.status === 201 || !answer.text.includes(MARK)).toBe(true);
        expect(answer.status).toBeLessThan(500);
      }),
      RUNS,
    );
  });

  it('as a path', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const path = `/items/${encodeURIComponent(text.toWellFormed())}`;

        expect(harmIn(await ask({ path }))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('as a path that nobody encoded', async () => {
    const raw = fc.stringMatching(/^[!-~]{1,60}$/);
    await fc.assert(
      fc.asyncProperty(raw, async (text) => {
        expect(harmIn(await ask({ path: `/items/${text}` }))).toEqual([]);
        expect(harmIn(await ask({ path: `/${MARK}${text}` }))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('as a query', async () => {
    const raw = fc.stringMatching(/^[!-~]{1,60}$/);
    await fc.assert(
      fc.asyncProperty(raw, hostile, async (text, value) => {
        const encoded = encodeURIComponent(value.toWellFormed());

        expect(harmIn(await ask({ path: `/items?${MARK}${text}` }))).toEqual([]);
        expect(harmIn(await ask({ path: `/items?limit=${encoded}` }))).toEqual([]);
        expect(harmIn(await ask({ path: `/items?cursor=${encoded}&${encoded}=1` }))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('as a header', async () => {
    const value = fc.stringMatching(/^[ -~]{0,60}$/).map((text) => `${MARK}${text}`);
    const name = fc.constantFrom(
      'Accept',
      'Accept-Encoding',
      'Authorization',
      'Content-Type',
      'Content-Encoding',
      'If-Match',
      'If-None-Match',
      'Origin',
      'Range',
      'traceparent',
      'X-Forwarded-For',
      'X-HTTP-Method-Override',
    );
    await fc.assert(
      fc.asyncProperty(name, value, async (header, text) => {
        const headers = { [header]: text };
        const item = '/items/0198c0de-7a11-7000-8000-000000000001';

        expect(harmIn(await ask({ path: item, headers }))).toEqual([]);
        expect(
          harmIn(await ask({ method: 'POST', path: '/items', headers, body: '{"name":"a"}' })),
        ).toEqual([]);
      }),
      RUNS,
    );
  });

  it('and nothing of it was an error of the service', () => {
    expect(target.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(target.ended).toHaveLength(target.started.length);
  });

  it('as the worst case of each validator, in a few milliseconds', async () => {
    const long = 'a'.repeat(50_000);
    const bodies = [
      JSON.stringify({ name: long }),
      JSON.stringify({ name: ' '.repeat(50_000) }),
      `{"name":"${'\\\\'.repeat(25_000)}"}`,
      `{"name":"${'\\"'.repeat(25_000)}"}`,
      `{"name":${'"a" '.repeat(12_000)}}`,
    ];
    const headers = { 'Content-Type': 'application/json' };

    const startedAt = performance.now();
    const answers = await Promise.all(
      bodies.map((body) => ask({ method: 'POST', path: '/items', headers, body })),
    );

    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 422, 400]);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
