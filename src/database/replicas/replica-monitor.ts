import type pg from 'pg';
import { DatabaseError } from '#database/database-error.ts';
import { Lookout } from '#database/health/lookout.ts';
import { ProbeConnection } from '#database/health/probe-connection.ts';
import type { ProbeConnectionOptions } from '#database/health/probe-connection.ts';
import { asDatabaseError } from '#database/map-database-error.ts';
import { STANDBY_LAG } from '#database/server/standby-lag.ts';
import { judgeReplica } from './replica-standing.ts';
import type { ReplicaStanding } from './replica-standing.ts';
import { parseWalPosition } from './wal-position.ts';

/** What a monitor works with. */
export interface ReplicaMonitorParts {
  readonly connection: Omit<ProbeConnectionOptions, 'signal'>;
  readonly maxLagMs: number;
  /** For how long a server that has replayed up to there has missed something, as far as the primary tells. */
  readonly missingMs: (replayed: bigint) => number;
  /** Told when the state or its code is another one. */
  readonly onChange: (from: ReplicaStanding, to: ReplicaStanding) => void;
}

const FINDINGS = `select pg_is_in_recovery() as "isStandby",
  pg_last_wal_replay_lsn()::text as replayed,
  (1000 * ${STANDBY_LAG})::float8 as "lagMs"`;

interface FindingsRow {
  readonly isStandby: boolean;
  readonly replayed: string | null;
  readonly lagMs: number | null;
}

/** Looks at a replica once a second, and at once when somebody has doubts, on a connection of its own. */
export class ReplicaMonitor {
  readonly #parts: ReplicaMonitorParts;
  readonly #lookout = new Lookout(() => this.#look());
  readonly #connection: ProbeConnection;
  #standing: ReplicaStanding = Object.freeze({
    state: 'starting',
    lagMs: undefined,
    replayed: undefined,
    code: undefined,
    message: 'it has not been asked yet',
  });
  #doubts = 0;

  constructor(parts: ReplicaMonitorParts) {
    this.#parts = parts;
    this.#connection = new ProbeConnection({ ...parts.connection, signal: this.#lookout.signal });
  }

  /** What the last look gave, or the failure that somebody has met since. */
  get standing(): ReplicaStanding {
    return this.#standing;
  }

  start(): void {
    this.#lookout.start();
  }

  /** Somebody has met a failure: nobody else is to, before a look that begins now has found it well. */
  doubt(failure: DatabaseError): void {
    if (this.#standing.state === 'usable') {
      this.#doubts += 1;
      this.#conclude(down(failure));
      void this.#lookout.look();
    }
  }

  /** Stops looking and closes the connection. */
  async stop(): Promise<void> {
    await this.#lookout.stop();
    await this.#connection.close();
  }

  async #look(): Promise<void> {
    let doubts: number;
    let standing: ReplicaStanding;
    do {
      doubts = this.#doubts;
      standing = await this.#ask();
    } while (doubts !== this.#doubts);
    if (!this.#lookout.signal.aborted) {
      this.#conclude(standing);
    }
    if (standing.state === 'promoted') {
      // Its name may lead to a standby by the next look.
      await this.#connection.close();
    }
  }

  /** Never rejects. */
  async #ask(): Promise<ReplicaStanding> {
    const { maxLagMs, missingMs } = this.#parts;
    try {
      const { isStandby, lagMs, ...found } = await this.#connection.ask(ask);
      const replayed = parseWalPosition(found.replayed ?? '');
      return judgeReplica(
        {
          isStandby,
          replayed,
          lagMs: lagMs ?? undefined,
          missingMs: replayed === undefined ? 0 : missingMs(replayed),
        },
        this.#standing.state,
        maxLagMs,
      );
    } catch (error) {
      return down(asDatabaseError(error, 'bug: the replica could not be asked'));
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
