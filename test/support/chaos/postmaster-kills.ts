import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import { storedEmails } from './stored-emails.ts';
import { until } from '#test/support/until.ts';
import { UserWriters } from './user-writers.ts';
import type { WriteHistory } from './write-history.ts';

const WRITERS = 16;
/** Acknowledged writes that show that the service is really back. */
const WRITES_TO_BE_BACK = 100;
/** Recovery reads and syncs the data directory; how fast is the disk's affair. */
const RESTART_DEADLINE_MS = 60_000;

/** One run of writers against a server that is killed again and again. */
export interface PostmasterKills {
  /** The service's address. */
  readonly url: string;
  readonly server: TestServerAddress;
  /** The postmaster that runs now. */
  readonly postmasterPid: () => number | undefined;
  readonly kills: number;
  readonly random: () => number;
  readonly history: WriteHistory;
}

/** What was seen; times in milliseconds, one for each kill. */
export interface PostmasterKillsReport {
  readonly writers: UserWriters;
  /** From the kill until the server accepts a login again. */
  readonly awayMs: readonly number[];
  /** From there to the first acknowledged write. */
  readonly recoveryMs: readonly number[];
  /** Answers of `/livez` right after each kill. */
  readonly live: readonly string[];
  /** The ids stored at the end. */
  readonly stored: readonly string[];
}

/** Kills the postmaster at random moments while sixteen clients write, each time after they have got going again. */
export async function killPostmaster(run: PostmasterKills): Promise<PostmasterKillsReport> {
  const { history } = run;
  const awayMs: number[] = [];
  const recoveryMs: number[] = [];
  const live: string[] = [];
  const writers = new UserWriters(run.url, WRITERS, history);
  const health = new KeepAliveClient(run.url);
  try {
    await untilWritten(history, WRITES_TO_BE_BACK);
    for (let kill = 0; kill < run.kills; kill += 1) {
      await delay(run.random() * 300);
      const pid = await until('a postmaster runs', run.postmasterPid);
      process.kill(pid, 'SIGKILL');
      const killedAt = performance.now();
      const answer = await health.send('GET', '/livez');
      live.push(answer.kind === 'answer' ? String(answer.status) : answer.kind);

      const acceptedAt = await until(
        'another postmaster accepts logins',
        async () => {
          const next = run.postmasterPid();
          if (next === undefined || next === pid) return undefined;
          return await withClient(run.server, async () => performance.now());
        },
        RESTART_DEADLINE_MS,
      );
      const written = history.count('ok');
      await untilWritten(history, written + WRITES_TO_BE_BACK);
      awayMs.push(acceptedAt - killedAt);
      recoveryMs.push((history.firstOkAfter(acceptedAt) ?? Infinity) - acceptedAt);
    }
  } finally {
    await writers.stop();
    health.close();
  }
  return { writers, awayMs, recoveryMs, live, stored: await storedEmails(run.server) };
}

async function untilWritten(history: WriteHistory, count: number): Promise<void> {
  await until(`${count} writes are acknowledged`, () =>
    history.count('ok') >= count ? true : undefined,
  );
}
