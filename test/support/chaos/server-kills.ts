import { setTimeout as delay } from 'node:timers/promises';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { withClient } from '#test/support/databases.ts';
import { until } from '#test/support/until.ts';
import { KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { storedEmails } from './stored-emails.ts';
import { Tally } from './tally.ts';
import { UserWriters } from './user-writers.ts';
import type { WriteHistory } from './write-history.ts';

const WRITERS = 16;
/** Acknowledged writes that show that the service is really back. */
const WRITES_TO_BE_BACK = 50;
/** Recovery reads and syncs the data directory; how fast is the disk's affair. */
const RESTART_DEADLINE_MS = 60_000;

/** `backend`: of a session in its transaction, whereupon the postmaster ends all others and recovers. */
export type Victim = 'backend' | 'postmaster';

/** One run of writers against a server that is killed again and again. */
export interface ServerKills {
  /** The service's address. */
  readonly url: string;
  readonly server: EmbeddedServer;
  readonly victims: readonly Victim[];
  readonly random: () => number;
  readonly history: WriteHistory;
}

/** What was seen; times in milliseconds, one for each kill. */
export interface ServerKillsReport {
  readonly writers: UserWriters;
  /** From the kill until the server accepts a login again. */
  readonly awayMs: readonly number[];
  /** From there to the first acknowledged write. */
  readonly recoveryMs: readonly number[];
  /** Answers of `/livez` right after each kill. */
  readonly live: Tally;
  /** The ids stored at the end. */
  readonly stored: readonly string[];
}

/** Kills at random moments while sixteen clients write, each time after they have got going again. */
export async function killServer(run: ServerKills): Promise<ServerKillsReport> {
  const { history, server, victims } = run;
  const awayMs: number[] = [];
  const recoveryMs: number[] = [];
  const live = new Tally();
  const writers = new UserWriters(run.url, WRITERS, history);
  const health = new KeepAliveClient(run.url);
  try {
    await untilWritten(history, WRITES_TO_BE_BACK);
    for (const victim of victims) {
      await delay(run.random() * 300);
      const pid = victim === 'postmaster' ? server.pid : await busyBackend(server);
      process.kill(pid, 'SIGKILL');
      const killedAt = performance.now();
      live.add(nameOfExchange(await health.send('GET', '/livez')));
      const acceptedAt = await acceptedAgain(server, victim, pid);
      await untilWritten(history, history.count('ok') + WRITES_TO_BE_BACK);
      awayMs.push(acceptedAt - killedAt);
      recoveryMs.push((history.firstOkAfter(acceptedAt) ?? Infinity) - acceptedAt);
    }
  } finally {
    await writers.stop();
    health.close();
  }
  return { writers, awayMs, recoveryMs, live, stored: await storedEmails(server.connection) };
}

async function untilWritten(history: WriteHistory, count: number): Promise<void> {
  await until(`${count} writes are acknowledged`, () =>
    history.count('ok') >= count ? true : undefined,
  );
}

async function busyBackend({ connection }: EmbeddedServer): Promise<number> {
  return await until('a backend is in a transaction', () =>
    withClient(connection, async (client) => {
      const { rows } = await client.query<{ pid: number }>(`
        select pid from pg_stat_activity
        where application_name = 'tidegauge/main' and xact_start is not null
        order by random() limit 1`);
      return rows[0]?.pid;
    }),
  );
}

async function acceptedAgain(server: EmbeddedServer, victim: Victim, pid: number): Promise<number> {
  return await until(
    'the server accepts logins again',
    async () => {
      if (server.pid === pid) return undefined;
      return await withClient(server.connection, async (client) => {
        const { rowCount } = await client.query('select from pg_stat_activity where pid = $1', [
          pid,
        ]);
        return victim === 'backend' && rowCount !== 0 ? undefined : performance.now();
      });
    },
    RESTART_DEADLINE_MS,
  );
}
