import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures, medianOf } from '#test/support/chaos/figures.ts';
import { readiness } from '#test/support/chaos/readiness.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { SteadyLoad } from '#test/support/chaos/steady-load.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const PER_SECOND = 500;
const MOST_ATTEMPTS = 20;
const CONTROL_MS = 500;

describe('F8: a server that is away under load', () => {
  const figures = new Figures('F8', rounds.awayMs);
  let database: TestDatabase;
  let proxy: TcpProxy;

  beforeEach(async () => {
    database = await TestDatabase.create();
    proxy = await TcpProxy.start(database.address);
  });
  afterEach(async () => {
    await proxy.close();
    await database.drop();
  });
  afterAll(figures.publish);

  it('is asked seldom, its requests are refused at once, and it is found soon', async () => {
    await using service = await ServiceProcess.start({
      env: { DATABASE_URL: databaseUrl(database.address, { port: proxy.port }) },
    });
    await service.logged('service.ready');
    const load = new SteadyLoad(service.url, '/users?limit=1', PER_SECOND);
    await delay(500);

    load.beginAnew();
    const accepted = proxy.accepted;
    proxy.reset();
    proxy.cut();
    await delay(rounds.awayMs);
    const attempts = proxy.accepted - accepted;
    const { answers, durationsMs } = load;
    load.beginAnew();
    proxy.letThrough();
    const backAt = performance.now();
    await until('ready', async () => (await readiness(service.url)) === 'up' || undefined);
    const readyMs = performance.now() - backAt;
    await until('requests are served', () => load.answers.count(/^200$/) > 0 || undefined);
    const servedMs = performance.now() - backAt;
    await load.stop();

    figures.note(`attempts to connect at ${PER_SECOND} requests/s`, attempts);
    figures.note('answers', answers);
    figures.times('answered after', durationsMs);
    figures.times('ready after it accepts', [readyMs]);
    figures.times('first request served after it accepts', [servedMs]);
    expect(attempts).toBeGreaterThan(1);
    expect(attempts).toBeLessThanOrEqual(MOST_ATTEMPTS);
    expect(answers.except(/^200$|^503 DB_/)).toEqual({});
    expect(answers.count(/^503 DB_/)).toBeGreaterThan((PER_SECOND * rounds.awayMs) / 2000);
    expect(medianOf(durationsMs)).toBeLessThan(500);
    expect(readyMs).toBeLessThan(10_000);
  });

  it('would be seen asked more often: by a plain pool of pg', async () => {
    const pool = new pg.Pool({ host: proxy.host, port: proxy.port, user: 'nobody', max: 15 });
    proxy.reset();
    const underWay: Promise<unknown>[] = [];
    for (let sent = 0; sent < CONTROL_MS / 10; sent += 1) {
      await delay(10);
      underWay.push(pool.query('select 1').catch(() => undefined));
    }
    await Promise.all(underWay);
    await pool.end();

    figures.control(`attempts of pg.Pool in ${CONTROL_MS} ms at 100 requests/s`, proxy.accepted);
    expect(proxy.accepted).toBeGreaterThan(MOST_ATTEMPTS);
  });
});
