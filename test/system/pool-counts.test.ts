import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getDb } from '#database/session-manager.ts';
import { defineRoute } from '#http/route.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { chaosSeed, seededRandom } from '#test/support/chaos/seeded-random.ts';
import { withClient } from '#test/support/databases.ts';
import { reportedPool, scrapePool, serverCounts } from '#test/support/system/pool-views.ts';
import type { PoolCounts, PoolScrape, ServerCounts } from '#test/support/system/pool-views.ts';
import { until } from '#test/support/until.ts';

const MOMENTS = 1000;
const CONTROL_MOMENTS = 20;
const SIZE = 3;
const MAX = 5;
const MOST_HOLDERS = 9;
const MOST_IN_BURST = 6;
const TOKEN = 'c4n4ry-pool-counts-token';
/** A server process outlives its connection by a moment; in the control it would be waited for in vain. */
const GONE_MS = 2000;
const CONTROL_GONE_MS = 50;

const seed = chaosSeed();
const random = seededRandom(seed);
const below = (bound: number) => Math.floor(random() * bound);
const figures = new Figures('pool counts', MOMENTS, seed);

const releases = new Set<() => void>();

/** Holds a connection in a transaction until the test lets go. */
const holdRoute = defineRoute({
  method: 'post',
  path: '/hold',
  operationId: 'hold',
  summary: 'Hold a connection',
  tags: ['test'],
  responses: { 204: { description: 'Done.' } },
  errors: [],
  handler: async () => {
    await getDb().execute('select 1');
    await new Promise<void>((release) => releases.add(release));
    return { status: 204 };
  },
});

let service: TestService;

beforeAll(async () => {
  service = await buildTestService({
    routes: [holdRoute],
    env: {
      LOG_LEVEL: 'info',
      MANAGEMENT_TOKEN: TOKEN,
      DB_POOL_SIZE: String(SIZE),
      DB_MAX_OVERFLOW: String(MAX - SIZE),
      DB_ACQUIRE_TIMEOUT_MS: '9000',
    },
  });
});

afterAll(() => service.close());

/** What everybody says of the pool while nothing moves: some hold connections, some wait for one. */
interface Moment {
  readonly holders: number;
  readonly scrape: PoolScrape;
  readonly report: PoolCounts;
  readonly server: ServerCounts;
}

const pick = ({ idle, used, connecting, waiting }: PoolCounts) => ({
  idle,
  used,
  connecting,
  waiting,
});

/** Sentences that are not true at a moment. */
function disagreements({ holders, scrape, report, server }: Moment): string[] {
  const used = Math.min(holders, MAX);
  const claims = {
    'the gauges are those of GET /pool':
      JSON.stringify(pick(scrape)) === JSON.stringify(pick(report)),
    'who holds is in use': scrape.used === used,
    'who waits is pending': scrape.waiting === holders - used,
    'nothing is being opened': scrape.connecting === 0,
    'the server has as many sessions': server.total === scrape.idle + scrape.used,
    'the server has as many in transactions': server.inTransaction === scrape.used,
    'what was opened is there or was closed':
      scrape.opened - scrape.closed === scrape.idle + scrape.used,
    'every opening was timed': scrape.timesOpened === scrape.opened,
    'every wait and every use was timed': scrape.timesGranted === scrape.timesUsed + scrape.used,
  };
  return Object.entries(claims).flatMap(([claim, isTrue]) => (isTrue ? [] : [claim]));
}

/** Requests that come and go, and what is seen in the midst of them. */
async function seenUnderLoad(client: pg.Client): Promise<PoolScrape & ServerCounts> {
  const burst = Array.from({ length: below(MOST_IN_BURST) }, () =>
    fetch(service.url + (below(4) === 0 ? '/teams?include=members' : '/users?limit=1')),
  );
  await delay(below(4));
  const [scrape, server] = await Promise.all([scrapePool(service.url), serverCounts(client)]);
  await Promise.all(burst.map(async (response) => (await response).arrayBuffer()));
  return { ...scrape, ...server };
}

/** Lets some hold connections until everything has come to rest, looks, and lets go. */
async function seenAtRest(client: pg.Client, goneMs = GONE_MS): Promise<Moment> {
  const holders = below(MOST_HOLDERS + 1);
  const held = Array.from({ length: holders }, () =>
    fetch(`${service.url}/hold`, { method: 'POST' }),
  );
  const used = Math.min(holders, MAX);
  await until('the pool is at rest', () => {
    const { connecting, waiting, total } = service.stats();
    // What is evicted is replaced once there is room, which is when it has been closed.
    const isWhole = connecting === 0 && total >= SIZE;
    return (isWhole && releases.size === used && waiting === holders - used) || undefined;
  });
  const [scrape, report] = await Promise.all([
    scrapePool(service.url),
    reportedPool(service.url, TOKEN),
  ]);
  const server = await until(
    'server processes of closed connections have ended',
    async () => {
      const counts = await serverCounts(client);
      return counts.total === scrape.idle + scrape.used ? counts : undefined;
    },
    goneMs,
  ).catch(() => serverCounts(client));
  const letGo = setInterval(() => {
    for (const release of releases) release();
    releases.clear();
  }, 1);
  await Promise.all(held);
  clearInterval(letGo);
  return { holders, scrape, report, server };
}

describe('the figures of the pool', () => {
  afterAll(figures.publish);

  it(`are the server's own and those of GET /pool at ${MOMENTS} random moments`, async () => {
    const found: string[] = [];
    let outOfBounds = 0;
    const kinds = { idle: 0, holding: 0, waiting: 0, afterEviction: 0 };

    await withClient(service.database.address, async (client) => {
      for (let moment = 0; moment < MOMENTS; moment += 1) {
        const isEvicted = below(20) === 0;
        if (isEvicted) service.sessions.evict();
        const load = await seenUnderLoad(client);
        if (load.idle + load.used + load.connecting > load.max || load.total > load.max) {
          outOfBounds += 1;
        }
        const rest = await seenAtRest(client);
        found.push(...disagreements(rest));
        kinds.afterEviction += isEvicted ? 1 : 0;
        kinds[rest.holders === 0 ? 'idle' : rest.holders > MAX ? 'waiting' : 'holding'] += 1;
      }
    });

    figures.note('disagreements at rest', found.length);
    figures.note('under load out of bounds', outOfBounds);
    figures.note('moments', JSON.stringify(kinds));
    expect(found).toEqual([]);
    expect(outOfBounds).toBe(0);
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(10);
  });

  it('would be caught differing: a session more on the server is seen at every moment', async () => {
    const { host, port, user, password, database } = service.database.address;
    const stranger = new pg.Client({
      host,
      port,
      user,
      password,
      database,
      application_name: 'tidegauge/main',
    });
    await stranger.connect();
    const found: string[] = [];

    await withClient(service.database.address, async (client) => {
      for (let moment = 0; moment < CONTROL_MOMENTS; moment += 1) {
        found.push(...disagreements(await seenAtRest(client, CONTROL_GONE_MS)));
      }
    });
    await stranger.end();

    figures.control('a session more on the server', `${found.length} of ${CONTROL_MOMENTS}`);
    expect(new Set(found)).toEqual(new Set(['the server has as many sessions']));
    expect(found).toHaveLength(CONTROL_MOMENTS);
  });
});
