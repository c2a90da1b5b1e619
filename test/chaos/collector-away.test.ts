import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Figures } from '#test/support/chaos/figures.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { TracedService } from '#test/support/chaos/traced-service.ts';
import type { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const QUEUE = 128;
const BATCH = 64;
/** What waits and what is under way. */
const MOST_KEPT = QUEUE + BATCH;
const BLOCK_MS = 600;
const LATENCY_MS = 50;
const REPEAT_AFTER_MS = 30_000;
const MOST_TIMES_SLOWER = 10;
const MOST_GROWTH_MB = 50;

const env = (queue: number) => ({
  OTEL_EXPORTER_OTLP_TIMEOUT: '400',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_BSP_MAX_QUEUE_SIZE: String(queue),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: String(BATCH),
});

/** What the collector's address becomes, in turn, while nothing is under way. */
const PHASES: readonly (readonly [name: string, begin: (proxy: TcpProxy) => unknown])[] = [
  ['healthy', (proxy) => (proxy.latencyMs = 0)],
  ['refuses', (proxy) => proxy.refuse()],
  [
    'silent',
    async (proxy) => {
      proxy.drop();
      await proxy.listen();
    },
  ],
  [
    `${LATENCY_MS} ms away`,
    (proxy) => {
      proxy.cut();
      proxy.letThrough();
      proxy.latencyMs = LATENCY_MS;
    },
  ],
];

describe('H16: a collector that is away', () => {
  const figures = new Figures('H16', rounds.collectorFaults);
  let database: TestDatabase;

  beforeEach(async () => {
    database = await TestDatabase.create();
  });
  afterEach(async () => {
    await database.drop();
  });
  afterAll(figures.publish);

  it('fails and slows no request, costs no memory, and every span is delivered or counted as lost', async () => {
    await using traced = await TracedService.start(database.url, env(QUEUE));
    await traced.ask(2 * BLOCK_MS);
    await traced.settled();
    const startedAt = performance.now();
    const times = new Map(PHASES.map(([phase]) => [phase, new Array<number>()]));
    const rssMb = new Map<string, number>();
    const rssAfterRounds: number[] = [];
    let mostKept = 0;

    for (let round = 0; round < rounds.collectorFaults; round += 1) {
      for (const [phase, begin] of PHASES) {
        await begin(traced.proxy);
        times.get(phase)?.push(...(await traced.ask(BLOCK_MS)));
        const { kept, rssMb: mb } = await traced.account();
        mostKept = Math.max(mostKept, kept);
        rssMb.set(phase, Math.max(rssMb.get(phase) ?? 0, mb));
        await traced.settled();
      }
      rssAfterRounds.push((await traced.account()).rssMb);
    }
    const { recorded, delivered, lost } = await traced.account();
    const elapsedMs = performance.now() - startedAt;
    const code = await traced.stop();

    const growthMb = (rssAfterRounds.at(-1) ?? NaN) - (rssAfterRounds[0] ?? NaN);
    const [healthy = NaN, healthyTail = NaN] = percentiles(times.get('healthy') ?? []);
    const phases = [...times].map(([phase, durationsMs]) => {
      const [p50 = NaN, p99 = NaN] = percentiles(durationsMs);
      return { phase, p50, p99, ratio: p50 / healthy, tailRatio: p99 / healthyTail };
    });
    figures.note('answers', traced.answers);
    for (const { phase, p50, p99, ratio, tailRatio } of phases) {
      figures.note(
        `${phase}, ms`,
        `p50 ${p50.toFixed(1)} (× ${ratio.toFixed(2)}), p99 ${p99.toFixed(1)} (× ${tailRatio.toFixed(2)}), RSS ${rssMb.get(phase)?.toFixed(0)} MB`,
      );
    }
    figures.note('spans', `${recorded} recorded, ${delivered} delivered, ${lost} lost`);
    figures.note(`spans kept at most, of ${MOST_KEPT}`, mostKept);
    figures.note('RSS grew after the first round, MB', growthMb.toFixed(1));
    figures.note('lines of the log', traced.complaints);
    expect(traced.answers.except(/^200$/)).toEqual({});
    expect(delivered + lost).toBe(recorded);
    expect(lost).toBeGreaterThan(MOST_KEPT);
    expect(mostKept).toBeLessThanOrEqual(MOST_KEPT);
    expect(Math.max(...phases.flatMap(({ ratio, tailRatio }) => [ratio, tailRatio]))).toBeLessThan(
      MOST_TIMES_SLOWER,
    );
    expect(growthMb).toBeLessThan(MOST_GROWTH_MB);
    expect(traced.complaints).toBeGreaterThan(0);
    expect(traced.complaints).toBeLessThanOrEqual(1 + Math.ceil(elapsedMs / REPEAT_AFTER_MS));
    expect(code).toBe(0);
  });

  it('would be seen to cost memory: by a queue without a bound', async () => {
    await using traced = await TracedService.start(database.url, env(1_000_000));
    traced.proxy.drop();

    await traced.ask(BLOCK_MS);
    const { kept } = await traced.account();

    figures.control(`spans kept after ${BLOCK_MS} ms of silence, no bound`, kept);
    expect(kept).toBeGreaterThan(MOST_KEPT);
  });
});

/** The median and the value that one in a hundred exceeds. */
function percentiles(values: readonly number[]): number[] {
  const sorted = values.toSorted((one, other) => one - other);
  return [0.5, 0.99].map((share) => sorted[Math.floor(sorted.length * share)] ?? NaN);
}
