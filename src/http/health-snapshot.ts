import type { DatabaseVerdict } from '#database/health/database-verdict.ts';
import type { GateState } from '#database/pool/pool-report.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { ReplicaStats } from '#database/replicas/replica-set.ts';
import type { HealthCheck, HealthSnapshot } from './health-source.ts';

/** What the health endpoints are computed from. */
export interface HealthInputs {
  readonly verdict: DatabaseVerdict;
  /** Undefined before the pool is made and after it is closed. */
  readonly pool: PoolStats | undefined;
  /** The pool of reports, and how its last attempt to connect ended. Undefined: there is none. */
  readonly reporting?: { readonly stats: PoolStats; readonly gate: GateState } | undefined;
  /** Absent or empty: there are none. */
  readonly replicas?: readonly ReplicaStats[];
  /** Of every pool, when the first of its certificates expires, as epoch milliseconds. Absent or empty: there is no TLS. */
  readonly certificatesExpireAt?: readonly number[];
  /** 99th percentile of the event loop's delay. */
  readonly eventLoopDelayMs: number;
  readonly isDraining: boolean;
}

/** A loop this late delays every answer; the alert NodeEventLoopLag has the same limit. */
const LATE_LOOP_MS = 200;

/** Enough to renew by hand what was to renew itself; the alert DbTlsCertificateExpires has the same limit. */
const CERTIFICATE_WARNING_MS = 14 * 86_400_000;

/** Puts the findings of the probe, the pool and the event loop into the words of the health endpoints. */
export function healthSnapshot({
  verdict,
  pool,
  reporting,
  replicas = [],
  certificatesExpireAt = [],
  eventLoopDelayMs,
  isDraining,
}: HealthInputs): HealthSnapshot {
  const time = verdict.checkedAt === undefined ? {} : { time: verdict.checkedAt };
  const isConnected = verdict.state !== 'down' && verdict.state !== 'starting';
  // A full server serves the pool and has no connection left for the probe.
  const isAnswered = isConnected && verdict.roundTripMs !== undefined;
  const connectivity: HealthCheck = isAnswered
    ? { status: 'pass', ...time, observedValue: verdict.roundTripMs, observedUnit: 'ms' }
    : { status: isConnected ? 'warn' : 'fail', ...time, ...explained(verdict) };
  const isPending = verdict.state === 'migrations_pending';
  const edited = verdict.editedMigrations ?? [];
  const migrations: HealthCheck = {
    status: isPending ? 'fail' : edited.length > 0 ? 'warn' : 'pass',
    ...time,
    observedValue: verdict.pendingMigrations.length,
    ...(edited.length > 0 && { output: `edited after they were applied: ${edited.join(', ')}` }),
    ...(isPending && explained(verdict)),
  };
  const server: HealthCheck = {
    status: verdict.state === 'read_only' ? 'fail' : isAnswered ? 'pass' : 'warn',
    ...time,
    observedValue: verdict.serverVersion,
    ...(verdict.state === 'read_only' && explained(verdict)),
  };
  const isLate = eventLoopDelayMs > LATE_LOOP_MS;
  return {
    state: isDraining ? 'draining' : verdict.state,
    code: isDraining ? 'DRAINING' : verdict.code,
    message: isDraining ? 'the service is shutting down' : verdict.message,
    checks: {
      'database:connectivity': connectivity,
      ...(pool !== undefined && { 'database:pool': poolCheck(pool) }),
      ...(replicas.length > 0 && { 'database:replicas': replicaCheck(replicas) }),
      'database:migrations': migrations,
      'database:server': server,
      ...(reporting !== undefined && { 'database:reporting': reportingCheck(reporting) }),
      ...(certificatesExpireAt.length > 0 && {
        'database:tls': tlsCheck(Math.min(...certificatesExpireAt)),
      }),
      'process:eventLoop': {
        status: isLate ? 'warn' : 'pass',
        observedValue: Math.round(eventLoopDelayMs),
        observedUnit: 'ms',
        ...(isLate && { output: `the event loop runs more than ${LATE_LOOP_MS} ms late` }),
      },
    },
  };
}

function poolCheck({ used, max, waiting, idle, connecting }: PoolStats): HealthCheck {
  const observed = {
    observedValue: { used, idle, connecting, waiting, max },
    observedUnit: 'connections',
  };
  return waiting > 0 && used >= max
    ? {
        status: 'warn',
        ...observed,
        output: `all ${max} connections are in use and ${waiting === 1 ? '1 borrower waits' : `${waiting} borrowers wait`}`,
      }
    : { status: 'pass', ...observed };
}

/** Never fails the service: without it there are no reports, and all else. */
function reportingCheck({
  stats,
  gate: { cause },
}: NonNullable<HealthInputs['reporting']>): HealthCheck {
  const check = poolCheck(stats);
  return cause === undefined
    ? check
    : { ...check, status: 'warn', output: cause.message, code: cause.code };
}

function tlsCheck(certificatesExpireAt: number): HealthCheck {
  const leftMs = certificatesExpireAt - Date.now();
  const observed = { observedValue: Math.floor(leftMs / 1000), observedUnit: 's' };
  if (leftMs >= CERTIFICATE_WARNING_MS) return { status: 'pass', ...observed };
  const at = new Date(certificatesExpireAt).toISOString();
  const output = `a certificate of the connections to the database ${leftMs > 0 ? 'expires' : 'has expired'} at ${at}`;
  return { status: 'warn', ...observed, output };
}

/** Without a replica the primary serves: never a failure. */
function replicaCheck(replicas: readonly ReplicaStats[]): HealthCheck {
  const unusable = replicas.filter(({ state }) => state !== 'usable');
  return {
    status: unusable.length === 0 ? 'pass' : 'warn',
    observedValue: Object.fromEntries(
      replicas.map(({ name, state, lagMs }) => [
        name,
        { state, ...(lagMs !== undefined && { lagMs: Math.round(lagMs) }) },
      ]),
    ),
    ...(unusable.length > 0 && {
      output: unusable
        .map(({ name, state, message }) => `${name} is ${state}: ${message}`)
        .join('; '),
    }),
  };
}

function explained({ code, message }: DatabaseVerdict): Pick<HealthCheck, 'output' | 'code'> {
  return { output: message, ...(code !== undefined && { code }) };
}
