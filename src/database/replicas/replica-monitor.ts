import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import type { ProbeConnection } from '#database/health/probe-connection.ts';
import { mapDatabaseError } from '#database/map-database-error.ts';
import { judgeReplica } from './replica-standing.ts';
import type { ReplicaStanding } from './replica-standing.ts';
import { parseWalPosition } from './wal-position.ts';

/** What a monitor works with. */
export interface ReplicaMonitorParts {
  readonly connection: ProbeConnection;
  readonly maxLagMs: number;
  /** For how long a server that has replayed up to there has missed something, as far as the primary tells. */
  readonly missingMs: (replayed: bigint) => number;
  /** Told when the state or its code is another one. */
  readonly onChange: (from: ReplicaStanding, to: ReplicaStanding) => void;
}

const INTERVAL_MS = 1000;
const MAX_JITTER_MS = 100;

// A standby that is cut off has replayed all it received, and is not up to date: hence the walreceiver. One that follows
// an idle primary has replayed nothing for long, and is.
const FINDINGS = `select pg_is_in_recovery() as "isStandby",
  pg_last_wal_replay_lsn()::text as replayed,
  (case when exists (select from pg_catalog.pg_stat_wal_receiver)
      and pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() then 0
    else greatest(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) * 1000
  end)::float8 as "lagMs"`;

interface FindingsRow {
  readonly isStandby: boolean;
  readonly replayed: string | null;
  readonly lagMs: number | null;
}

/** Looks at a replica once a second, and at once when somebody has doubts, on a connection of its own. */
export class ReplicaMonitor {
  readonly #parts: ReplicaMonitorParts;
  readonly #stopping = new AbortController();
  #standing: ReplicaStanding = Object.freeze({
    state: 'starting',
    lagMs: undefined,
    replayed: undefined,
    code: undefined,
    message: 'it has not been asked yet',
  });
  #running: Promise<void> | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: ReplicaMonitorParts) {
    this.#parts = parts;
  }

  /** What the last look gave, or the failure that somebody has met since. */
  get standing(): ReplicaStanding {
    return this.#standing;
  }

  start(): void {
    this.#running ??= this.#loop();
  }

  /** Looks now, beside the rhythm; joins a look that is under way. */
  async look(): Promise<void> {
    if (this.#stopping.signal.aborted) {
      return;
    }
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** Somebody has met a failure: nobody else is to, before the next look has found it well. */
  doubt(failure: DatabaseError): void {
    if (this.#standing.state === 'usable') {
      this.#conclude(down(failure));
      void this.look();
    }
  }

  /** Stops looking and closes the connection. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#looking;
    await this.#parts.connection.close();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.look();
      await delay(INTERVAL_MS + Math.random() * MAX_JITTER_MS, undefined, {
        signal,
        ref: false,
      }).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { connection, maxLagMs, missingMs } = this.#parts;
    try {
      const { isStandby, ...found } = await connection.ask(ask);
      const replayed = parseWalPosition(found.replayed ?? '');
      this.#conclude(
        judgeReplica(
          {
            isStandby,
            replayed,
            lagMs: found.lagMs ?? undefined,
            missingMs: replayed === undefined ? 0 : missingMs(replayed),
          },
          this.#standing.state,
          maxLagMs,
        ),
      );
      if (!isStandby) {
        // Its name may lead to a standby by the next look.
        await connection.close();
      }
    } catch (error) {
      const bug = 'bug: the replica could not be asked';
      this.#conclude(
        down(
          mapDatabaseError(error) ?? new DatabaseError('DB_UNAVAILABLE', bug, {}, { cause: error }),
        ),
      );
    }
  }

  #conclude(to: ReplicaStanding): void {
    const from = this.#standing;
    this.#standing = to;
    if (to.state !== from.state || to.code !== from.code) {
      this.#parts.onChange(from, to);
    }
  }
}

async function ask(client: pg.Client): Promise<FindingsRow> {
  const { rows } = await client.query<FindingsRow>(FINDINGS);
  const [found] = rows;
  if (found === undefined) {
    throw new DatabaseError('DB_UNAVAILABLE', 'bug: the monitor got no row');
  }
  return found;
}

function down({ code, message }: DatabaseError): ReplicaStanding {
  return Object.freeze({ state: 'down', lagMs: undefined, replayed: undefined, code, message });
}
