import type { Instruments } from './instruments.ts';
import { READY_STATES } from './metric-labels.ts';
import { readOr } from './read-or.ts';

/** What the service says of itself at a scrape. Each function may throw: its gauges are absent then. */
export interface ServiceFacts {
  readonly version: string;
  readonly commit: string;
  readonly readiness: () => {
    readonly state: string;
    /** Absent while it is not known. */
    readonly migrationsPending?: number | undefined;
  };
  /** Sampled spans that were lost so far; absent: traces are off. */
  readonly droppedSpans?: () => number;
  /** Version of the server, undefined until it has been seen. */
  readonly postgresVersion: () => string | undefined;
}

/** A label of build information; longer than any version there is. */
const MAX_LABEL_LENGTH = 64;
const UNKNOWN = 'unknown';

/** Build information, readiness, pending migrations. */
export function createServiceMetrics(
  instruments: Instruments,
  facts: ServiceFacts,
): { collect(): void } {
  const buildInfo = instruments.gauge('tidegauge_build_info');
  const ready = instruments.gauge('tidegauge_ready');
  const pending = instruments.gauge('tidegauge_migrations_pending');
  const dropped = instruments.counter('otel_spans_dropped_total');
  let countedDrops = 0;
  return {
    collect() {
      const drops = readOr(() => facts.droppedSpans?.() ?? 0, countedDrops);
      dropped.inc(drops - countedDrops);
      countedDrops = drops;
      buildInfo.reset();
      buildInfo.set(
        {
          version: facts.version,
          commit: facts.commit,
          node_version: process.versions.node,
          postgres_version: (readOr(facts.postgresVersion, undefined) ?? UNKNOWN).slice(
            0,
            MAX_LABEL_LENGTH,
          ),
        },
        1,
      );
      ready.reset();
      pending.reset();
      const readiness = readOr(facts.readiness, undefined);
      if (readiness !== undefined) {
        for (const state of READY_STATES) {
          ready.set({ state }, state === readiness.state ? 1 : 0);
        }
      }
      if (readiness?.migrationsPending === undefined) {
        // A gauge without labels is born as 0, which would say that none are pending.
        pending.remove({});
      } else {
        pending.set(readiness.migrationsPending);
      }
    },
  };
}
