import { expect, it } from 'vitest';
import type { ReplicaStats } from '#database/replicas/replica-set.ts';
import { Instruments } from '#telemetry/instruments.ts';
import { createReplicaMetrics } from '#telemetry/replica-metrics.ts';

const replica = { maxLagMs: 500, replayed: undefined, code: undefined, message: '' };

async function valuesOf(instruments: Instruments, name: string) {
  const metric = await instruments.registry.getSingleMetric(name)?.get();
  return metric?.values.map(({ labels, value }) => [...Object.values(labels), value]);
}

it('replicas are read at the scrape, and a lag that is not known is absent', async () => {
  const instruments = new Instruments();
  let stats: readonly ReplicaStats[] = [
    { ...replica, name: 'replica-1', state: 'usable', lagMs: 20 },
    { ...replica, name: 'replica-2', state: 'down', lagMs: undefined },
  ];
  const metrics = createReplicaMetrics(instruments, () => stats);

  metrics.collect();
  const usable = await valuesOf(instruments, 'db_replica_usable');
  const lag = await valuesOf(instruments, 'db_replica_lag_seconds');
  const maxLag = await valuesOf(instruments, 'db_replica_max_lag_seconds');
  stats = [];
  metrics.collect();

  expect(usable).toEqual([
    ['replica-1', 1],
    ['replica-2', 0],
  ]);
  expect(lag).toEqual([['replica-1', 0.02]]);
  expect(maxLag).toEqual([
    ['replica-1', 0.5],
    ['replica-2', 0.5],
  ]);
  expect(await valuesOf(instruments, 'db_replica_usable')).toEqual([]);
});

it('readers that went to the primary are counted by reason, from 0', async () => {
  const instruments = new Instruments();
  const { observer } = createReplicaMetrics(instruments, () => []);

  observer.replicaFallback({ pool: 'main', reason: 'connect' });

  expect(await valuesOf(instruments, 'db_replica_fallbacks_total')).toEqual([
    ['unusable', 0],
    ['read_after', 0],
    ['connect', 1],
  ]);
});
