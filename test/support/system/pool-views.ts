import type pg from 'pg';
import type { PoolReport } from '#database/pool/pool-report.ts';
import { parseExposition } from '#test/support/exposition.ts';

/** A pool's connections and waiters, as one of its observers counts them. */
export interface PoolCounts {
  readonly idle: number;
  readonly used: number;
  readonly connecting: number;
  readonly waiting: number;
}

/** What a scrape says of a pool: its gauges now, and its counters and histograms since it was made. */
export interface PoolScrape extends PoolCounts {
  readonly max: number;
  readonly opened: number;
  readonly closed: number;
  /** Counts of the histograms. */
  readonly timesOpened: number;
  readonly timesGranted: number;
  readonly timesUsed: number;
}

const OF_POOL = /^(?:# \S+ )?db_client_connection_/;
const GRANTED = new Set(['reused', 'new', 'queued']);

/** Scrapes a service that has one pool. */
export async function scrapePool(url: string): Promise<PoolScrape> {
  const response = await fetch(`${url}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => OF_POOL.test(line));
  const samples = parseExposition(`${lines.join('\n')}\n`, 'text').flatMap(
    (family) => family.samples,
  );
  const sum = (
    name: string,
    isWanted: (labels: Readonly<Record<string, string>>) => boolean = () => true,
  ) => {
    const found = samples.filter((sample) => sample.name === name && isWanted(sample.labels));
    return found.length === 0 ? NaN : found.reduce((total, { value }) => total + value, 0);
  };
  const state = (wanted: string) =>
    sum('db_client_connection_count', (labels) => labels['db_client_connection_state'] === wanted);
  return {
    idle: state('idle'),
    used: state('used'),
    connecting: state('connecting'),
    waiting: sum('db_client_connection_pending_requests'),
    max: sum('db_client_connection_max'),
    opened: sum('db_client_connection_opened_total'),
    closed: sum('db_client_connection_closed_total'),
    timesOpened: sum('db_client_connection_create_time_seconds_count'),
    timesGranted: sum('db_client_connection_wait_time_seconds_count', ({ outcome = '' }) =>
      GRANTED.has(outcome),
    ),
    timesUsed: sum('db_client_connection_use_time_seconds_count'),
  };
}

/** What `GET /pool` says; `token` lets in. */
export async function reportedPool(url: string, token: string): Promise<PoolCounts> {
  const response = await fetch(`${url}/pool`, { headers: { authorization: `Bearer ${token}` } });
  const { idle, used, connecting, waiting } = (await response.json()) as PoolReport; // adapter: its numbers are compared
  return { idle, used, connecting, waiting };
}

/** Sessions of a service's pool as the server counts them: how many there are, and how many are in a transaction. */
export interface ServerCounts {
  readonly total: number;
  readonly inTransaction: number;
}

/** Asks the server on a connection past the pool for the sessions of the pool `main`. */
export async function serverCounts(client: pg.Client): Promise<ServerCounts> {
  const { rows } = await client.query<ServerCounts>(
    `select count(*)::int as total, (count(*) filter (where xact_start is not null))::int as "inTransaction"
     from pg_stat_activity where application_name = 'tidegauge/main' and datname = current_database()`,
  );
  return rows[0] ?? { total: NaN, inTransaction: NaN };
}
