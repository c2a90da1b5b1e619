import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { defineRoute } from '#http/route.ts';
import { newEmail } from '#test/support/api-rows.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import { formsOf, ROW_MARKERS } from '#test/support/canary/canary-values.ts';
import { judgeOutput, searchOutput } from '#test/support/canary/search-output.ts';
import { ServiceOutput } from '#test/support/canary/service-output.ts';
import { runCommand } from '#test/support/run-command.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const TOKEN = 'c4n4ry+token/with=every.sign~there_is';
const ROWS = ROW_MARKERS.map((value) => ({ kind: 'part of a row', value }));

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tidegauge-leaks-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

/** What this run has kept of services of this file. */
function keptOutput(): string {
  const runDir = inject('outputDir') ?? '';
  return readdirSync(runDir)
    .filter((name) => name.startsWith('service-output-'))
    .map((name) => readFileSync(join(runDir, name), 'utf8'))
    .join('');
}

/** A bug that tells a value of its request: messages that start with `bug:` are logged as they are. */
const tellingRoute = defineRoute({
  method: 'post',
  path: '/telling',
  operationId: 'tell',
  summary: 'Tell an address',
  tags: ['test'],
  body: z.strictObject({ email: z.string() }),
  responses: { 204: { description: 'Never.' } },
  errors: [],
  handler: ({ body }) => Promise.reject(new Error(`bug: nobody expects ${body.email}`)),
});

describe('what a service writes', () => {
  it('is kept for the search at the end of the run: log, metrics in both formats, the pool', async () => {
    const service = await buildTestService();

    await service.request.get('/users');
    await service.close();

    const kept = keptOutput();
    expect(kept).toMatch(/^log\t\{.*"event":"service.listening"/m);
    expect(kept.match(/^metrics\tdb_client_connection_count\{/gm)?.length).toBeGreaterThan(1);
    expect(kept).toMatch(/^metrics\t# EOF$/m);
    expect(kept).toMatch(/^pool\t\{.*"verdict"/m);
  });

  it('is kept of a process of its own, standard error included', async () => {
    await using database = await TestDatabase.create();
    await using service = await ServiceProcess.start({ env: { DATABASE_URL: database.url } });

    await service.stop();
    await runCommand([process.execPath, 'src/main.ts'], { env: { DB_POOL_SIZE: 'many' } });

    expect(keptOutput()).toMatch(/^stderr\t.*DB_POOL_SIZE: /m);
    expect(keptOutput()).toMatch(/^stdout\t\{.*"event":"service.stopped"/m);
  });

  it('holds no secret that is sent to it or that it is started with', async () => {
    await using service = await buildTestService({ env: { MANAGEMENT_TOKEN: TOKEN } });
    const secrets = {
      Authorization: `Bearer ${TOKEN}`,
      Cookie: `session=c4n4ry-${newEmail()}`,
      'User-Agent': newEmail(),
      Referer: `http://c4n4ry:c4n4ry@h.example/?token=${TOKEN}`,
      tracestate: 'v=c4n4ry',
      baggage: `user=${newEmail()}`,
    };

    const statuses = await Promise.all(
      ['/pool', '/metrics', '/users', `/users?token=${TOKEN}`, `/${newEmail()}`].map(
        async (path) => (await service.request.get(path).set(secrets)).status,
      ),
    );
    const wrong = await service.request.get('/pool').set('Authorization', 'Bearer c4n4ry-wrong');

    expect([...statuses, wrong.status]).toEqual([200, 200, 200, 400, 404, 401]);
  });
});

describe('the search in what services write', () => {
  it('finds what a service tells of a row, and says where without telling it', async () => {
    using output = new ServiceOutput('telling', dir);
    const service = await buildTestService({ routes: [tellingRoute], output });
    const email = newEmail();

    await service.request.post('/telling').send({ email });
    await service.close();

    const search = searchOutput(dir, ROWS);
    expect(search.finds).toMatchObject([
      { source: 'log', kind: 'part of a row', form: 'as it is' },
    ]);
    expect(() => judgeOutput(search, dir)).toThrow(
      /written what they must not, 1 times; .*\ntelling-\w+\.out:\d+ \(log\): part of a row, as it is$/,
    );
    expect(() => judgeOutput(search, dir)).not.toThrow(email);
  });

  it('finds the secrets that a service is started with', () => {
    using output = new ServiceOutput('sharing', dir);
    output.addSecretsOf({
      MANAGEMENT_TOKEN: TOKEN,
      DATABASE_URL: 'postgresql://u:c4n4ry%2Fpassword@h/d',
      PORT: '12345678',
    });

    output.write('stderr', `at 12345678\n{"url":"postgresql://u:c4n4ry%2Fpassword@h/d"}`);
    output.write('metrics', `a_total{b="${TOKEN}"} 1\na_total{b="c4n4ry/password"} 1`);

    expect(searchOutput(dir, []).finds).toMatchObject([
      { line: 2, source: 'stderr', kind: 'password of DATABASE_URL', form: 'in a URL' },
      { line: 3, source: 'metrics', kind: 'MANAGEMENT_TOKEN', form: 'as it is' },
      { line: 4, source: 'metrics', kind: 'password of DATABASE_URL', form: 'as it is' },
    ]);
  });

  it.each(formsOf('a "c4n4ry" password+/?').map(({ form, text }) => [form, text]))(
    'finds a value %s: %s',
    (form, text) => {
      using output = new ServiceOutput('forms', dir);

      output.write('log', `before${text}after`);

      const secrets = [{ kind: 'password', value: 'a "c4n4ry" password+/?' }];
      expect(searchOutput(dir, secrets).finds).toMatchObject([{ kind: 'password', form }]);
    },
  );

  it.each([0, 1, 2])('finds an address in base64 of a text that begins %i bytes before it', (n) => {
    using output = new ServiceOutput('base64', dir);

    const text = Buffer.from(`${'x'.repeat(n)}ada@example.com, and more`);
    output.write('log', `cursor=${text.toString('base64')}`);

    expect(searchOutput(dir, ROWS).finds).toMatchObject([{ form: 'in base64' }]);
  });

  it('finds nothing where nothing is, and says how much it has gone through', () => {
    using output = new ServiceOutput('quiet', dir);

    output.write('log', '{"msg":"an example of nothing"}');

    expect(judgeOutput(searchOutput(dir, ROWS), dir)).toBe(
      '4 values looked for in what 1 services wrote (36 bytes; lines: 1 of log): 0 found',
    );
  });

  it('does not take silence for cleanness', () => {
    using _ = new ServiceOutput('silent', dir);

    expect(() => judgeOutput(searchOutput(dir, ROWS), dir)).toThrow(/nothing was kept .* silent-/);
  });
});
