import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { ourSessions } from './our-sessions.ts';
import { type PoolGauge, poolGauge } from './pool-gauge.ts';
import { Tally } from './tally.ts';
import { until } from '#test/support/until.ts';
import { UserWriters } from './user-writers.ts';
import type { WriteHistory } from './write-history.ts';

const WRITERS = 12;
const WRITES_BETWEEN_KILLS = 20;
/** Ten times what a client may have to wait for a connection; whoever has not written by then never will. */
const WEDGED_MS = 20_000;

/** A victim that is inside a transaction: where the connection dies there, old kyselys lose its slot. */
const VICTIM = `
  select pid from pg_stat_activity
  where application_name = 'tidegauge/main' and xact_start is not null
  order by random() limit 1`;

/** One run of writers on a small pool whose backends are killed. */
export interface BackendKills {
  readonly url: string;
  readonly server: TestServerAddress;
  readonly kills: number;
  readonly random: () => number;
  readonly history: WriteHistory;
  /** How long the writers may be without a success before they count as wedged. */
  readonly wedgedMs?: number;
}

/** What was seen while the load ran. */
export interface BackendKillsReport {
  readonly writers: UserWriters;
  /** Kills until the end, or until nobody could write any more. */
  readonly kills: number;
  readonly isWedged: boolean;
  /** From a login being accepted again to the first acknowledged write, in milliseconds. */
  readonly recoveryMs: readonly number[];
}

/** Kills one backend at a time, each in a transaction, each at a random moment; ends early when nobody can write any more. */
export async function killBackends(run: BackendKills): Promise<BackendKillsReport> {
  const { history, wedgedMs = WEDGED_MS } = run;
  const writers = new UserWriters(run.url, WRITERS, history);
  const recoveryMs: number[] = [];
  let kills = 0;
  let isWedged = false;
  try {
    await untilMore(history, wedgedMs);
    for (; kills < run.kills && !isWedged; kills += 1) {
      await delay(run.random() * 100);
      const victim = await until('a backend is in a transaction', () => victimOf(run.server));
      process.kill(victim, 'SIGKILL');
      // The postmaster ends all others, too, and recovers.
      const acceptedAt = await until('the server accepts logins again', () =>
        withClient(run.server, async (client) => {
          const { rows } = await client.query('select from pg_stat_activity where pid = $1', [
            victim,
          ]);
          return rows.length === 0 ? performance.now() : undefined;
        }),
      );
      isWedged = !(await untilMore(history, wedgedMs));
      const backAt = history.firstOkAfter(acceptedAt);
      if (backAt !== undefined) recoveryMs.push(backAt - acceptedAt);
    }
  } finally {
    await writers.stop();
  }
  return { writers, kills, isWedged, recoveryMs };
}

/** The pool after a run. */
export interface PoolAfterwards {
  readonly gauge: PoolGauge;
  /** Sessions of the pool that the server counts. */
  readonly sessions: number;
  /** Connections that could be held at the same time. */
  readonly leased: number;
  /** What those who asked for them were answered. */
  readonly answers: Tally;
}

/** Reads the gauges of a pool that has been left alone, then asks for all its connections at once. */
export async function examinePool(url: string, server: TestServerAddress): Promise<PoolAfterwards> {
  const gauge = await until('the pool is at rest', async () => {
    const now = await poolGauge(url);
    return now.connecting === 0 ? now : undefined;
  });
  const { pool: sessions } = await ourSessions(server);
  const answers = new Tally();
  const clients = Array.from({ length: gauge.max }, () => new KeepAliveClient(url));
  const leased = await withClient(server, async (holder) => {
    await holder.query('begin; lock table users in access exclusive mode');
    const requests = clients.map(async (client, index) => {
      const email = `slot-${index}@example.com`;
      answers.add(nameOfExchange(await client.send('POST', '/users', { email, name: 'Ada' })));
    });
    // All wait for the lock, each with a connection, or are refused.
    const held = await until('all have a connection or an answer', async () => {
      const waiting = await waitingForLock(server);
      return waiting + answers.count() === gauge.max ? waiting : undefined;
    });
    await holder.query('rollback');
    await Promise.all(requests);
    return held;
  });
  for (const client of clients) client.close();
  return { gauge, sessions, leased, answers };
}

async function untilMore(history: WriteHistory, deadlineMs: number): Promise<boolean> {
  const wanted = history.count('ok') + WRITES_BETWEEN_KILLS;
  return await until(
    'more writes are acknowledged',
    () => (history.count('ok') >= wanted ? true : undefined),
    deadlineMs,
  ).catch(() => false);
}

async function victimOf(server: TestServerAddress): Promise<number | undefined> {
  return await withClient(server, async (client) => {
    const { rows } = await client.query<{ pid: number }>(VICTIM);
    return rows[0]?.pid;
  });
}

async function waitingForLock(server: TestServerAddress): Promise<number> {
  return await withClient(server, async (client) => {
    const { rowCount } = await client.query(`
      select from pg_stat_activity
      where application_name = 'tidegauge/main' and wait_event_type = 'Lock'`);
    return rowCount ?? 0;
  });
}
