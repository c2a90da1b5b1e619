import { describe, expect, it } from 'vitest';
import type { ServerReport } from '#database/server/server-figures.ts';
import { renderExposition } from '#telemetry/exposition.ts';
import type { HostFiguresSource } from '#telemetry/host-metrics.ts';
import { Instruments } from '#telemetry/instruments.ts';
import { SESSION_STATES } from '#telemetry/metric-labels.ts';
import { createPostgresMetrics } from '#telemetry/postgres-metrics.ts';
import type { ServerFiguresSource } from '#telemetry/postgres-metrics.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { hostReportOf, serverReportOf, serverSnapshotOf } from '#test/support/server-report-of.ts';

/** What a scrape shows of a server. */
function scrapeOf(source: ServerFiguresSource, host: HostFiguresSource = async () => undefined) {
  const instruments = new Instruments();
  const metrics = createPostgresMetrics(instruments, source, host);
  const read = async () => {
    await metrics.collect();
    const { body } = await renderExposition(instruments.registry, 'text');
    return parseExposition(body, 'text').flatMap(({ samples }) => samples);
  };
  return {
    read,
    /** Samples without labels, by name. */
    values: async () =>
      Object.fromEntries(
        (await read())
          .filter(({ labels }) => Object.keys(labels).length === 0)
          .map(({ name, value }) => [name, value]),
      ),
  };
}

/** A server whose report changes. */
function changing(first: ServerReport | undefined) {
  let report = first;
  const scrape = scrapeOf(async () => report);
  return { ...scrape, tell: (next: ServerReport | undefined) => void (report = next) };
}

const labelled = (
  samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[],
) =>
  Object.fromEntries(
    samples
      .filter(({ name, value }) => name === 'pg_stat_activity_count' && value > 0)
      .map(({ labels, value }) => [`${labels['state']}/${labels['wait_event_type']}`, value]),
  );

describe('metrics of the server', () => {
  it('are its last snapshot, in base units', async () => {
    const { values } = scrapeOf(async () => serverReportOf());

    expect(await values()).toEqual({
      pg_up: 1,
      pg_in_recovery: 0,
      pg_replication_lag_seconds: 0,
      pg_stat_activity_max_tx_duration_seconds: 1.5,
      pg_blocked_sessions: 1,
      pg_settings_max_connections: 100,
      pg_settings_reserved_connections: 3,
      pg_connections_used: 7,
      pg_database_size_bytes: 8_000_000,
      pg_stat_database_xact_commit_total: 1000,
      pg_stat_database_xact_rollback_total: 20,
      pg_stat_database_deadlocks_total: 3,
      pg_stat_database_blks_hit_total: 4000,
      pg_stat_database_blks_read_total: 50,
      pg_stat_database_temp_bytes_total: 6_000_000,
      pg_stat_database_conflicts_total: 7,
      pg_scrape_duration_seconds: 0.004,
      pg_scrape_errors_total: 0,
      pg_scrape_age_seconds: 2.5,
    });
  });

  it('say no more than that it does not answer, since when, and how often, once a snapshot has failed', async () => {
    const { read, tell } = changing(serverReportOf());
    await read();

    tell(serverReportOf({ snapshot: undefined, ageMs: 9000, tookMs: 500, failures: 4 }));

    const samples = (await read()).map(({ name, labels, value }) => ({ name, labels, value }));
    expect(new Set(samples)).toEqual(
      new Set([
        { name: 'pg_up', labels: {}, value: 0 },
        { name: 'pg_scrape_age_seconds', labels: {}, value: 9 },
        { name: 'pg_scrape_duration_seconds', labels: {}, value: 0.5 },
        { name: 'pg_scrape_errors_total', labels: {}, value: 4 },
      ]),
    );
  });

  it('are absent while nobody can be asked, before as after', async () => {
    const { read, tell } = changing(undefined);
    const before = await read();
    tell(serverReportOf());
    const between = await read();
    tell(undefined);

    expect([before, await read()]).toEqual([[], []]);
    expect(between.length).toBeGreaterThan(20);
  });

  it('are absent when their source fails', async () => {
    expect(await scrapeOf(() => Promise.reject(new Error('no'))).read()).toEqual([]);
    expect(
      await scrapeOf(() => {
        throw new Error('no');
      }).read(),
    ).toEqual([]);
  });

  it('leave out what the role may not see, rather than call it 0', async () => {
    const snapshot = serverSnapshotOf({ replicationLagSeconds: undefined });
    const { values } = scrapeOf(async () => serverReportOf({ snapshot, databaseSize: undefined }));

    const names = Object.keys(await values());

    expect(names).toContain('pg_up');
    expect(names).not.toContain('pg_replication_lag_seconds');
    expect(names).not.toContain('pg_database_size_bytes');
  });

  it('name one version, the last one', async () => {
    const { read, tell } = changing(serverReportOf());
    await read();

    tell(serverReportOf({ snapshot: serverSnapshotOf({ version: `19.1 ${'x'.repeat(100)}` }) }));

    const versions = (await read()).filter(({ name }) => name === 'pg_server_info');
    expect(versions).toMatchObject([{ value: 1 }]);
    expect(versions[0]?.labels['version']).toMatch(/^19\.1 x{59}$/);
  });
});

describe('counters of the server', () => {
  it('are its own totals at every scrape, so that statistics that start anew are a reset and nothing else', async () => {
    const { values, tell } = changing(undefined);
    const seen: (number | undefined)[] = [];
    for (const commits of [1000, 1000, 1500, 20, 20, 25]) {
      tell(serverReportOf({ snapshot: serverSnapshotOf({ commits }) }));
      seen.push((await values())['pg_stat_database_xact_commit_total']);
    }

    expect(seen).toEqual([1000, 1000, 1500, 20, 20, 25]);
  });

  it('go on where they were after the server did not answer for a while', async () => {
    const { values, tell } = changing(serverReportOf());
    await values();
    tell(serverReportOf({ snapshot: undefined }));
    await values();
    tell(serverReportOf({ snapshot: serverSnapshotOf({ commits: 1001 }) }));

    expect((await values())['pg_stat_database_xact_commit_total']).toBe(1001);
  });
});

describe('sessions of the server', () => {
  it('are there by state and wait, every state at least with 0', async () => {
    const { read } = scrapeOf(async () => serverReportOf());

    const samples = (await read()).filter(({ name }) => name === 'pg_stat_activity_count');

    expect(new Set(samples.map(({ labels }) => labels['state']))).toEqual(new Set(SESSION_STATES));
    expect(samples).toHaveLength(SESSION_STATES.length + 1);
    expect(labelled(samples)).toEqual({ 'active/none': 2, 'idle/Client': 5 });
  });

  it('are other where the state or the wait is not known, all of them together', async () => {
    const sessions = [
      { state: 'napping', waitEventType: 'Coffee', count: 1 },
      { state: undefined, waitEventType: undefined, count: 4 },
      { state: 'active', waitEventType: 'Tea', count: 2 },
      { state: 'active', waitEventType: 'Milk', count: 3 },
      { state: 'starting', waitEventType: 'none', count: 6 },
    ];
    const { read } = scrapeOf(async () =>
      serverReportOf({ snapshot: serverSnapshotOf({ sessions }) }),
    );

    expect(labelled(await read())).toEqual({
      'other/other': 5,
      'active/other': 5,
      'starting/none': 6,
    });
  });

  it('do not stay when they have gone', async () => {
    const { read, tell } = changing(serverReportOf());
    await read();

    tell(serverReportOf({ snapshot: serverSnapshotOf({ sessions: [] }) }));

    const samples = (await read()).filter(({ name }) => name === 'pg_stat_activity_count');
    expect(samples).toHaveLength(SESSION_STATES.length);
    expect(samples.every(({ value }) => value === 0)).toBe(true);
  });
});

describe('CPU and memory of the server', () => {
  const hostOf = async (host: HostFiguresSource, report: ServerReport = serverReportOf()) =>
    (await scrapeOf(async () => report, host).read())
      .filter(({ name }) => name.startsWith('pg_host_'))
      .map(({ name, labels, value }) => [name, labels, value]);

  it('are there with their limits, and of what they are', async () => {
    expect(await hostOf(async () => hostReportOf())).toEqual([
      ['pg_host_info', { source: 'cgroup_v2', fault: 'none' }, 1],
      ['pg_host_stats_available', {}, 1],
      ['pg_host_cpu_seconds_total', {}, 12.5],
      ['pg_host_memory_bytes', {}, 300_000_000],
      ['pg_host_cpu_cores', {}, 2],
      ['pg_host_memory_limit_bytes', {}, 1_000_000_000],
    ]);
  });

  it('are absent where they cannot be had, and never 0', async () => {
    const missing = { use: undefined, fault: 'not_provisioned' } as const;

    expect(await hostOf(async () => missing)).toEqual([
      ['pg_host_info', { source: 'none', fault: 'not_provisioned' }, 1],
      ['pg_host_stats_available', {}, 0],
    ]);
  });

  it('are absent one by one', async () => {
    const use = {
      source: 'processes',
      cpuSeconds: 3,
      memoryBytes: undefined,
      cpuCores: 2,
      memoryLimitBytes: undefined,
    } as const;

    expect(await hostOf(async () => ({ use, fault: 'incomplete' }))).toEqual([
      ['pg_host_info', { source: 'processes', fault: 'incomplete' }, 1],
      ['pg_host_stats_available', {}, 1],
      ['pg_host_cpu_seconds_total', {}, 3],
      ['pg_host_cpu_cores', {}, 2],
    ]);
  });

  it('are not asked for while the server does not answer, and cost nothing else when their source fails', async () => {
    let asked = 0;
    const counting = async () => {
      asked += 1;
      return hostReportOf();
    };

    expect(await hostOf(counting, serverReportOf({ snapshot: undefined }))).toEqual([]);
    expect(asked).toBe(0);
    const { values } = scrapeOf(
      async () => serverReportOf(),
      () => Promise.reject(new Error('no')),
    );
    expect(await values()).toMatchObject({ pg_up: 1, pg_connections_used: 7 });
  });
});
