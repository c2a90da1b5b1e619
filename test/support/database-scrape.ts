import type { PoolStats } from '#database/pool/pool-stats.ts';
import { createDatabaseMetrics } from '#telemetry/database-metrics.ts';
import { renderExposition } from '#telemetry/exposition.ts';
import { Instruments } from '#telemetry/instruments.ts';
import type { OperationMetricsOptions } from '#telemetry/operation-metrics.ts';
import { parseExposition } from './exposition.ts';
import { poolStatsOf } from './pool-stats-of.ts';

/** The metrics of the database alone: what they are told, and what a scrape shows of it. */
export function databaseScrape(
  poolStats: () => readonly PoolStats[] = () => [poolStatsOf()],
  options: OperationMetricsOptions = { tables: ['users'], slowQueryMs: 200 },
) {
  const instruments = new Instruments();
  const { observer, collect } = createDatabaseMetrics(instruments, poolStats, options);
  const render = async () => {
    collect();
    return (await renderExposition(instruments.registry, 'text')).body;
  };
  const read = async (name: string) =>
    parseExposition(await render(), 'text')
      .flatMap(({ samples }) => samples)
      .filter((sample) => sample.name === name);
  return {
    observer,
    /** The text of a scrape. */
    render,
    /** Every sample of that name. */
    read,
    /** The first of them. */
    value: async (name: string) => (await read(name))[0]?.value,
    /** All of them, by one label. */
    values: async (name: string, label: string) =>
      Object.fromEntries((await read(name)).map((sample) => [sample.labels[label], sample.value])),
  };
}
