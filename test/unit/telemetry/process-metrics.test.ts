import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { renderExposition } from '#telemetry/exposition.ts';
import { Instruments } from '#telemetry/instruments.ts';
import { createProcessMetrics } from '#telemetry/process-metrics.ts';
import { parseExposition } from '#test/support/exposition.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function elapsed(milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, milliseconds);
  return promise;
}

async function majorPauses(instruments: Instruments): Promise<number | undefined> {
  // Entries reach their observer in a later turn of the loop.
  await elapsed(50);
  const { body } = await renderExposition(instruments.registry, 'text');
  return parseExposition(body, 'text')
    .flatMap((family) => family.samples)
    .find(
      ({ name, labels }) =>
        name.endsWith('gc_duration_seconds_count') && labels['kind'] === 'major',
    )?.value;
}

describe('metrics of the process', () => {
  it('count pauses for garbage collection until they are closed', async () => {
    const instruments = new Instruments();
    const metrics = createProcessMetrics(instruments);

    collectGarbage();
    collectGarbage();
    const open = await majorPauses(instruments);
    metrics.close();
    metrics.close();
    collectGarbage();
    const closed = await majorPauses(instruments);

    expect(open).toBeGreaterThanOrEqual(2);
    expect(closed).toBe(open);
  });

  it('measure how long the event loop was kept from its work', async () => {
    const instruments = new Instruments();
    const metrics = createProcessMetrics(instruments);
    await elapsed(30);
    const end = performance.now() + 120;
    while (performance.now() < end) {
      // Blocks the loop on purpose.
    }
    await elapsed(30);

    metrics.collect();
    metrics.close();

    const { body } = await renderExposition(instruments.registry, 'text');
    const max = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(body)?.[1];
    expect(Number(max)).toBeGreaterThan(0.1);
    expect(Number(max)).toBeLessThan(2);
  });
});
