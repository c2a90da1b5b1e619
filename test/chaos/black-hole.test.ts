import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { dropInTransactions } from '#test/support/chaos/black-holes.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const HOLES = rounds.blackHoles;
const STATEMENT_TIMEOUT_MS = 300;
/** A second more than the server's own limit. */
const WATCHDOG_MS = STATEMENT_TIMEOUT_MS + 1000;
/** Ten times the quarter of a second that is promised on top of the watchdog. */
const ERROR_DEADLINE_MS = WATCHDOG_MS + 2500;

describe('H3: a network that swallows everything', () => {
  const figures = new Figures('H3', HOLES);
  let database: TestDatabase;
  let proxy: TcpProxy;
  let sessions: DatabaseSessionManager;

  beforeEach(async () => {
    database = await TestDatabase.create({ empty: true });
    proxy = await TcpProxy.start(database.address);
    sessions = new DatabaseSessionManager();
  });
  afterEach(async () => {
    await sessions.close();
    await proxy.close();
    await database.drop();
  });
  afterAll(figures.publish);

  const start = (statementTimeoutMs: number) =>
    sessions.init(
      database.options({
        connection: { ...database.connection, port: proxy.port },
        poolSize: 3,
        maxOverflow: 0,
        statementTimeoutMs,
      }),
    );

  it('F11: costs the query under way, which the watchdog ends, and no slot; once it is over all is well', async () => {
    await start(STATEMENT_TIMEOUT_MS);

    const report = await dropInTransactions(sessions, proxy, {
      count: HOLES,
      lastsMs: rounds.blackHoleMs,
    });

    figures.times(`error, with a watchdog of ${WATCHDOG_MS}`, report.errorMs);
    figures.note('outcomes', report.codes);
    figures.note('slots held after the error', report.heldSlots);
    figures.times('next query answered after the hole', report.recoveryMs);
    expect(report.codes.total).toEqual({ DB_CONNECTION_LOST: HOLES });
    expect(Math.max(...report.errorMs)).toBeLessThan(ERROR_DEADLINE_MS);
    expect(report.heldSlots).toBe(0);
    expect(Math.max(...report.recoveryMs)).toBeLessThan(10_000);
    await expect.poll(() => sessions.stats().idle).toBe(3);
    await assertClean(sessions);
    await expect
      .poll(() => ourSessions(database.address))
      .toEqual({ pool: 3, idleInTransaction: 0 });
  });

  it('would be caught hanging: without a watchdog the query still does at twice its time', async () => {
    await start(0);

    const report = dropInTransactions(sessions, proxy, { count: 1, lastsMs: 0 });
    const state = await Promise.race([
      report.then(() => 'failed'),
      delay(2 * WATCHDOG_MS, 'hanging'),
    ]);

    figures.control(`after ${2 * WATCHDOG_MS} ms without a watchdog`, state);
    expect(state).toBe('hanging');
    proxy.cut();
    expect((await report).codes.total).toEqual({ DB_CONNECTION_LOST: 1 });
  });
});
