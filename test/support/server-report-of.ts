import type { HostReport } from '#database/server/host-figures.ts';
import type { ServerReport } from '#database/server/server-figures.ts';
import type { ServerSnapshot } from '#database/server/server-snapshot.ts';

/** A snapshot of a server, with the changes a test is about. */
export function serverSnapshotOf(changes: Partial<ServerSnapshot> = {}): ServerSnapshot {
  return {
    version: '18.4',
    isInRecovery: false,
    replicationLagSeconds: 0,
    sessions: [
      { state: 'active', waitEventType: 'none', count: 2 },
      { state: 'idle', waitEventType: 'Client', count: 5 },
    ],
    usedConnections: 7,
    maxConnections: 100,
    reservedConnections: 3,
    blockedSessions: 1,
    oldestTransactionSeconds: 1.5,
    commits: 1000,
    rollbacks: 20,
    deadlocks: 3,
    blocksHit: 4000,
    blocksRead: 50,
    tempBytes: 6_000_000,
    conflicts: 7,
    ...changes,
  };
}

/** What is known of a server that answers. */
export function serverReportOf(changes: Partial<ServerReport> = {}): ServerReport {
  return {
    snapshot: serverSnapshotOf(),
    databaseSize: 8_000_000,
    ageMs: 2500,
    tookMs: 4,
    failures: 0,
    ...changes,
  };
}

/** What is known of the CPU and memory of a server that tells them. */
export function hostReportOf(changes: Partial<HostReport> = {}): HostReport {
  return {
    use: {
      source: 'cgroup_v2',
      cpuSeconds: 12.5,
      memoryBytes: 300_000_000,
      cpuCores: 2,
      memoryLimitBytes: 1_000_000_000,
    },
    fault: undefined,
    ...changes,
  };
}
