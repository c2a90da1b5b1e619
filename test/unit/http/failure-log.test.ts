import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { FailureLog } from '#http/failure-log.ts';
import { newRequestScope } from '#http/request-scope.ts';
import { RecordingLog } from './http-fixture.ts';

const scope = newRequestScope('r-1');
const full = new DatabaseError('DB_POOL_FULL', 'the queue is full');

function recorder() {
  const log = new RecordingLog();
  const clock = { ms: 0 };
  return { log, clock, failures: new FailureLog(log, () => clock.ms) };
}

describe('a failure that heals by itself', () => {
  it('has one line per code every 10 s, with the count of those left out', () => {
    const { log, clock, failures } = recorder();

    Array.from({ length: 1000 }, () => failures.write(full, 503, 'DB_POOL_FULL', scope));
    failures.write(full, 503, 'DB_POOL_TIMEOUT', scope);
    clock.ms = 10_000;
    failures.write(full, 503, 'DB_POOL_FULL', scope);

    expect(log.lines).toMatchObject([
      { level: 'warn', event: 'http.failure', code: 'DB_POOL_FULL', suppressed: 0 },
      { level: 'warn', event: 'http.failure', code: 'DB_POOL_TIMEOUT', suppressed: 0 },
      { level: 'warn', event: 'http.failure', code: 'DB_POOL_FULL', suppressed: 999 },
    ]);
  });

  it('says why, and in which request', () => {
    const { log, failures } = recorder();

    failures.write(full, 503, 'DB_POOL_FULL', scope);

    expect(log.lines).toMatchObject([
      { request_id: 'r-1', trace_id: scope.traceId, err: { message: 'the queue is full' } },
    ]);
  });
});

describe('a failure that is a fault of ours', () => {
  it('has a line each time', () => {
    const { log, failures } = recorder();

    failures.write(new TypeError('x'), 500, 'INTERNAL', scope);
    failures.write(new TypeError('x'), 500, 'INTERNAL', scope);

    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'error']);
  });
});
