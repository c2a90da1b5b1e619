import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { getDb } from '#database/session-manager.ts';
import { streamRows } from '#database/stream-rows.ts';
import { defineRoute } from '#http/route.ts';
import { newEmail } from '#test/support/api-rows.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { createReader } from '#test/support/reader-role.ts';
import type { ReaderRole } from '#test/support/reader-role.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const SOON = { timeout: 5000, interval: 10 };
const EVERY_DAY = '/reports/signups?from=0001-01-01&to=9999-12-31';

let database: TestDatabase;
let reader: ReaderRole;
let service: TestService;

/** Answers a statement that takes long before its first row, and one that fails after some. */
function stream(path: string, query: string) {
  return defineRoute({
    method: 'get',
    path,
    operationId: path.slice(1),
    summary: 'For a test.',
    tags: [],
    responses: {
      200: { description: 'Rows.', schema: z.object({ items: z.array(z.unknown()) }) },
    },
    errors: [],
    database: 'reporting',
    streams: true,
    handler: () => Promise.resolve({ status: 200, body: {}, items: streamRows(getDb(), query) }),
  });
}

beforeAll(async () => {
  database = await TestDatabase.create();
  reader = await createReader(database);
  service = await buildTestService({
    database,
    env: { REPORTING_DATABASE_URL: reader.url, DB_REPORTING_POOL_SIZE: '2' },
    routes: [
      stream('/sleeps', 'select pg_sleep(60)'),
      stream(
        '/fails',
        'select repeat($$x$$, 100) as text, 1 / (100000 - n) from generate_series(1, 200000) as n',
      ),
    ],
  });
});

afterEach(async () => {
  await assertClean(service.reporting);
});

afterAll(async () => {
  await service.close();
  await reader[Symbol.asyncDispose]();
  await database.drop();
});

async function addUsers(...moments: readonly string[]): Promise<void> {
  await database.query('truncate users cascade');
  for (const moment of moments) {
    await database.query('insert into users values (gen_random_uuid(), $1, $1, 1, $2, $3)', [
      moment,
      newEmail(),
      'Ada',
    ]);
  }
}

async function counts(query: string): Promise<Record<string, number>> {
  const { status, body } = await service.request.get(`/reports/signups?${query}`);
  expect(status).toBe(200);
  return Object.fromEntries(
    body.items.map(({ start, signups }: { start: string; signups: number }) => [start, signups]),
  );
}

async function reportingSessions(): Promise<number> {
  const rows = await database.query(
    `select from pg_stat_activity where usename = $1 and state <> 'idle'`,
    [reader.address.user],
  );
  return rows.length;
}

describe('the report of sign-ups', () => {
  it('counts every day of a half-open range, those without any among them', async () => {
    await addUsers(
      '2026-02-26T23:59:59.999Z',
      '2026-02-27T00:00:00.000Z',
      '2026-02-27T23:59:59.999Z',
      '2026-03-01T12:00:00.000Z',
      '2026-03-02T00:00:00.000Z',
    );

    const response = await service.request.get('/reports/signups?from=2026-02-27&to=2026-03-02');

    expect(response.body).toEqual({
      from: '2026-02-27T00:00:00.000Z',
      to: '2026-03-02T00:00:00.000Z',
      interval: 'day',
      items: [
        { start: '2026-02-27', signups: 2 },
        { start: '2026-02-28', signups: 0 },
        { start: '2026-03-01', signups: 1 },
      ],
    });
  });

  it('counts weeks from Monday and months, the first and the last as far as they are in the range', async () => {
    await addUsers('2026-03-30T10:00:00Z', '2026-03-31T10:00:00Z', '2026-04-05T23:00:00Z');
    const range = 'from=2026-03-31&to=2026-04-07T00:00:00Z';

    expect(await counts(`${range}&interval=week`)).toEqual({ '2026-03-30': 2, '2026-04-06': 0 });
    expect(await counts(`${range}&interval=month`)).toEqual({ '2026-03-01': 1, '2026-04-01': 1 });
  });

  it('has the days of UTC, whatever the zone of the role', async () => {
    await addUsers('2026-07-01T23:30:00Z');
    await database.query(`alter role ${reader.address.user} set timezone = 'Pacific/Auckland'`);
    service.reporting.evict();

    const found = await counts('from=2026-07-01&to=2026-07-03');

    await database.query(`alter role ${reader.address.user} reset timezone`);
    expect(found).toEqual({ '2026-07-01': 1, '2026-07-02': 0 });
  });

  it('reads one moment to the millisecond', async () => {
    await addUsers('2026-07-01T00:00:00.001Z');

    expect(await counts('from=2026-07-01T00:00:00Z&to=2026-07-01T00:00:00.001Z')).toEqual({
      '2026-07-01': 0,
    });
    expect(await counts('from=2026-07-01T00:00:00.001Z&to=2026-07-01T00:00:00.002Z')).toEqual({
      '2026-07-01': 1,
    });
  });

  it('is one statement of the pool of reports, and none of the main one', async () => {
    const before = service.stats().usedSeconds;

    const { headers } = await service.request.get('/reports/signups');

    expect(headers['server-timing']).toContain('desc="1 queries"');
    expect(service.stats().usedSeconds).toBe(before);
    expect(service.reporting.stats()).toMatchObject({
      name: 'reporting',
      size: 0,
      max: 2,
      idle: 1,
    });
  });

  it('tells all faults of its query', async () => {
    const { status, body } = await service.request.get('/reports/signups?from=x&interval=y&z=1');

    expect(status).toBe(400);
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(['from', 'interval', '']);
  });
});

describe('a report that streams', () => {
  it('frees connection and statement as soon as its client leaves', async () => {
    const client = new AbortController();
    const response = await fetch(`${service.url}${EVERY_DAY}`, { signal: client.signal });
    expect(response.status).toBe(200);
    expect(service.reporting.stats().used).toBe(1);

    client.abort();

    await expect(response.text()).rejects.toThrow('aborted');
    await expect.poll(() => service.reporting.stats().used, SOON).toBe(0);
    await expect.poll(reportingSessions, SOON).toBe(0);
  });

  it('F41: ends its statement with a client that leaves before the first row', async () => {
    const client = new AbortController();
    const answer = fetch(`${service.url}/sleeps`, { signal: client.signal });
    await expect.poll(reportingSessions, SOON).toBe(1);

    client.abort();

    await expect(answer).rejects.toThrow('aborted');
    await expect.poll(reportingSessions, SOON).toBe(0);
    await expect.poll(() => service.reporting.stats().used, SOON).toBe(0);
  });

  it('is cut where its statement fails, and its connection is used again', async () => {
    const response = await fetch(`${service.url}/fails`);

    await expect(response.text()).rejects.toThrow('terminated');
    await expect.poll(() => service.reporting.stats().used, SOON).toBe(0);
    expect(
      service.logs.filter(({ event, route }) => event === 'http.failure' && route === '/fails'),
    ).toMatchObject([{ route: '/fails', status: 500, code: 'DB_QUERY_FAILED' }]);
    expect((await service.request.get('/reports/signups')).status).toBe(200);
  });

  it('never takes a connection of the main pool, however many reports are asked for', async () => {
    const clients = new AbortController();
    const reports = Array.from({ length: 10 }, () =>
      fetch(`${service.url}/sleeps`, { signal: clients.signal }).catch(() => undefined),
    );
    await expect.poll(() => service.reporting.stats().waiting, SOON).toBe(8);

    const { status } = await service.request.get('/users');

    expect(status).toBe(200);
    expect(service.stats().max - service.stats().used).toBe(service.stats().max);
    clients.abort();
    await Promise.all(reports);
    await expect.poll(() => service.reporting.stats().used, SOON).toBe(0);
  });
});
