import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseSessionManager } from '#database/session-manager.ts';
import type { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/until.ts';
import { Tally } from './tally.ts';

/** What sessions saw of black holes; times in milliseconds, one for each hole. */
export interface BlackHolesReport {
  /** From the moment the network swallowed everything to the error of the query that was sent then. */
  readonly errorMs: readonly number[];
  readonly codes: Tally;
  /** Slots that were held when the query had failed. */
  readonly heldSlots: number;
  /** From the end of the hole to the next query that was answered. */
  readonly recoveryMs: readonly number[];
}

/** Drops everything in the middle of a session's transaction, `count` times, each for `lastsMs` or until the query has failed. */
export async function dropInTransactions(
  sessions: DatabaseSessionManager,
  proxy: TcpProxy,
  { count, lastsMs }: { readonly count: number; readonly lastsMs: number },
): Promise<BlackHolesReport> {
  const errorMs: number[] = [];
  const recoveryMs: number[] = [];
  const codes = new Tally();
  let heldSlots = 0;
  for (let hole = 0; hole < count; hole += 1) {
    let droppedAt = 0;
    const queryFailed = sessions.session(async (db) => {
      await db.execute('select 1');
      proxy.drop();
      droppedAt = performance.now();
      await db.execute('select 2');
    });
    codes.add(
      await queryFailed.then(
        () => 'answered',
        (error: unknown) => String(Reflect.get(Object(error), 'code')),
      ),
    );
    const elapsedMs = performance.now() - droppedAt;
    errorMs.push(elapsedMs);
    heldSlots += sessions.stats().used;
    await delay(Math.max(0, lastsMs - elapsedMs));
    proxy.letThrough();
    const liftedAt = performance.now();
    await until('a query is answered', async () => (await sessions.check()) >= 0);
    recoveryMs.push(performance.now() - liftedAt);
  }
  return { errorMs, codes, heldSlots, recoveryMs };
}
