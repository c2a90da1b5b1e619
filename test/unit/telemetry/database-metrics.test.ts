import { describe, expect, it } from 'vitest';
import { DATABASE_ERROR_CODES, type DatabaseErrorCode } from '#database/database-error.ts';
import { RETIRE_REASONS, SESSION_OUTCOMES } from '#database/database-observer.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { createDatabaseMetrics } from '#telemetry/database-metrics.ts';
import { renderExposition } from '#telemetry/exposition.ts';
import { Instruments } from '#telemetry/instruments.ts';
import { connectFailureReason } from '#telemetry/metric-labels.ts';
import { parseExposition } from '#test/support/exposition.ts';

const main: PoolStats = {
  name: 'main',
  max: 15,
  size: 5,
  idle: 3,
  used: 2,
  connecting: 1,
  waiting: 7,
  total: 6,
};

function subject(poolStats: () => readonly PoolStats[] = () => [main]) {
  const instruments = new Instruments();
  const metrics = createDatabaseMetrics(instruments, poolStats);
  const read = async (name: string) => {
    metrics.collect();
    const { body } = await renderExposition(instruments.registry, 'text');
    return parseExposition(body, 'text')
      .flatMap((family) => family.samples)
      .filter((sample) => sample.name === name);
  };
  const values = async (name: string, label: string) =>
    Object.fromEntries((await read(name)).map(({ labels, value }) => [labels[label], value]));
  return { observer: metrics.observer, read, values };
}

const session = { pool: 'main', session: 'GET /users', readOnly: true };

describe('gauges of a pool', () => {
  it('are read from its snapshot at every scrape', async () => {
    let waiting = 7;
    const { read, values } = subject(() => [{ ...main, waiting }]);

    expect(await values('db_client_connection_count', 'db_client_connection_state')).toEqual({
      idle: 3,
      used: 2,
      connecting: 1,
    });
    expect((await read('db_client_connection_max'))[0]?.value).toBe(15);
    expect((await read('db_client_connection_idle_min'))[0]?.value).toBe(5);
    expect((await read('db_client_connection_idle_max'))[0]?.value).toBe(15);
    expect((await read('db_client_connection_pending_requests'))[0]?.value).toBe(7);

    waiting = 0;
    expect((await read('db_client_connection_pending_requests'))[0]?.value).toBe(0);
  });

  it('are there for each pool', async () => {
    const { values } = subject(() => [main, { ...main, name: 'replica', max: 3 }]);

    expect(await values('db_client_connection_max', 'db_client_connection_pool_name')).toEqual({
      main: 15,
      replica: 3,
    });
  });
});

describe('counters of a pool', () => {
  it('are born at 0 with every child there can be, before anything has happened', async () => {
    const { values } = subject();

    const zero = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 0]));
    expect(await values('db_sessions_total', 'outcome')).toEqual(zero(SESSION_OUTCOMES));
    expect(await values('db_client_connection_closed_total', 'reason')).toEqual(
      zero(RETIRE_REASONS),
    );
    expect(await values('db_client_errors_total', 'code')).toEqual(zero(DATABASE_ERROR_CODES));
    expect(await values('db_client_connection_failures_total', 'reason')).toEqual(
      zero(['refused', 'timeout', 'dns', 'auth', 'tls', 'too_many', 'unavailable', 'other']),
    );
  });

  it('count connections opened and closed by reason', async () => {
    const { observer, read, values } = subject();

    observer.connectionOpened?.({ pool: 'main', pid: 1, durationMs: 2 });
    observer.connectionClosed?.({ pool: 'main', pid: 1, reason: 'lifetime', ageMs: 9 });

    expect((await read('db_client_connection_opened_total'))[0]?.value).toBe(1);
    expect(await values('db_client_connection_closed_total', 'reason')).toMatchObject({
      lifetime: 1,
      broken: 0,
    });
  });

  it.each<[DatabaseErrorCode, string]>([
    ['DB_CONNECT_REFUSED', 'refused'],
    ['DB_CONNECT_TIMEOUT', 'timeout'],
    ['DB_HOST_NOT_FOUND', 'dns'],
    ['DB_AUTH_FAILED', 'auth'],
    ['DB_TLS', 'tls'],
    ['DB_TOO_MANY_CONNECTIONS', 'too_many'],
    ['DB_UNAVAILABLE', 'unavailable'],
    ['DB_NOT_FOUND', 'other'],
  ])('count a connect that fails with %s as %s', async (code, reason) => {
    const { observer, values } = subject();

    observer.connectionFailed?.({ pool: 'main', code, host: 'h', port: 1, message: 'm' });

    expect(connectFailureReason(code)).toBe(reason);
    expect(await values('db_client_connection_failures_total', 'reason')).toMatchObject({
      [reason]: 1,
    });
  });
});

describe('metrics of sessions', () => {
  it('know those that are open, how they ended and how long they took', async () => {
    const { observer, read, values } = subject();
    observer.sessionStarted?.(session);
    observer.sessionStarted?.(session);

    observer.sessionEnded?.({ ...session, outcome: 'commit', durationMs: 20, code: undefined });

    expect((await read('db_sessions_active'))[0]?.value).toBe(1);
    expect(await values('db_sessions_total', 'outcome')).toEqual({
      commit: 1,
      rollback: 0,
      error: 0,
    });
    expect((await read('db_session_duration_seconds_sum'))[0]?.value).toBe(0.02);
  });

  it('count their errors by code, timeouts and rejections of the pool among them', async () => {
    const { observer, read, values } = subject();
    const codes = ['DB_UNIQUE', 'DB_POOL_TIMEOUT', 'DB_POOL_FULL'] as const;

    for (const code of codes) {
      observer.sessionEnded?.({ ...session, outcome: 'rollback', durationMs: 1, code });
    }

    expect(await values('db_client_errors_total', 'code')).toMatchObject({
      DB_UNIQUE: 1,
      DB_POOL_TIMEOUT: 1,
      DB_POOL_FULL: 1,
      DB_DEADLOCK: 0,
    });
    expect((await read('db_client_connection_timeouts_total'))[0]?.value).toBe(1);
    expect((await read('db_client_connection_rejections_total'))[0]?.value).toBe(1);
  });
});
