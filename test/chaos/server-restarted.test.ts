import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { startChaosService } from '#test/support/chaos/chaos-service.ts';
import type { ChaosService } from '#test/support/chaos/chaos-service.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { heldRoute } from '#test/support/chaos/held-route.ts';
import { nameOfExchange } from '#test/support/chaos/keep-alive-client.ts';
import { requestOnce } from '#test/support/chaos/readiness.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { Tally } from '#test/support/chaos/tally.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { restartServer } from '#test/support/restart-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';

const RESTARTS = rounds.restarts;
const SLOTS = 10;
const PRE_PING_IDLE_MS = 50;

describe('H4: a server that is restarted under a pool of idle connections', () => {
  const figures = new Figures('H4', RESTARTS);
  let server: EmbeddedServer;
  let proxy: TcpProxy;

  beforeAll(async () => {
    server = await startOwnServer();
  });
  beforeEach(async () => {
    proxy = await TcpProxy.start(server.connection);
  });
  afterEach(async () => {
    await proxy.close();
  });
  afterAll(async () => {
    await server.stop();
  });
  afterAll(figures.publish);

  const startService = (env: Readonly<Record<string, string>> = {}) =>
    startChaosService(
      {
        DATABASE_URL: databaseUrl(server.connection, { port: proxy.port }),
        DB_POOL_SIZE: String(SLOTS),
        DB_MAX_OVERFLOW: '0',
        DB_PRE_PING_IDLE_MS: String(PRE_PING_IDLE_MS),
        ...env,
      },
      [heldRoute],
    );
  const allIdle = (service: ChaosService) =>
    expect.poll(() => service.stats().idle, { timeout: 10_000 }).toBe(SLOTS);

  /** One request for each connection, all at once, right after each restart. */
  async function requestsAfter(
    service: ChaosService,
    count: number,
    beforeEachRestart: () => void,
  ): Promise<{ answers: Tally; slowestMs: number[] }> {
    const answers = new Tally();
    const slowestMs: number[] = [];
    for (let restart = 0; restart < count; restart += 1) {
      await allIdle(service);
      beforeEachRestart();
      await restartServer(server);
      await delay(2 * PRE_PING_IDLE_MS);
      const exchanges = await Promise.all(
        Array.from({ length: SLOTS }, () => requestOnce(service.url, '/users?limit=1')),
      );
      for (const exchange of exchanges) answers.add(nameOfExchange(exchange));
      slowestMs.push(Math.max(...exchanges.map(({ sentAt, endedAt }) => endedAt - sentAt)));
    }
    return { answers, slowestMs };
  }

  it.each([
    ['F15: that hear its goodbye', 'goodbye heard', () => undefined],
    // As when a host vanishes, or a router forgets its connections.
    ['F16: that never hear of it', 'goodbye lost', () => proxy.freeze()],
  ])('%s fails no request afterwards', async (_name, figure, beforeEachRestart) => {
    await using service = await startService();

    const { answers, slowestMs } = await requestsAfter(service, RESTARTS, beforeEachRestart);

    figures.note(`answers, ${figure}`, answers);
    figures.times(`slowest of ten, ${figure}`, slowestMs);
    expect(answers.total).toEqual({ '200': RESTARTS * SLOTS });
    await assertClean(service);
  });

  it('would be caught failing them: without pre-ping the connections that never hear of it do', async () => {
    await using service = await startService({
      DB_POOL_PRE_PING: 'false',
      DB_STATEMENT_TIMEOUT_MS: '200',
    });

    const { answers } = await requestsAfter(service, 1, () => proxy.freeze());

    figures.control('without pre-ping', answers);
    expect(answers.count(/^503 DB_CONNECTION_LOST$/)).toBeGreaterThan(0);
  });

  it('fails what is under way, and says that the database went away', async () => {
    await using service = await startService();
    await allIdle(service);

    const underWay = requestOnce(service.url, '/held?ms=4000');
    await expect.poll(() => service.stats().used).toBe(1);
    await restartServer(server);
    const exchange = await underWay;

    figures.note('under way', nameOfExchange(exchange));
    expect(exchange).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
      body: { code: expect.stringMatching(/^DB_(UNAVAILABLE|CONNECTION_LOST)$/) },
    });
    await assertClean(service);
  });
});
