import { describe, expect, it } from 'vitest';
import type { ConnectionFailed } from '#database/database-observer.ts';
import { createDatabaseLog } from '#telemetry/database-log.ts';
import { createLogger } from '#telemetry/logger.ts';

function subject() {
  const lines: Record<string, unknown>[] = [];
  const clock = { now: 0 };
  const logger = createLogger(
    { level: 'debug', format: 'json' },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  return { lines, clock, log: createDatabaseLog(logger, () => clock.now) };
}

const refused: ConnectionFailed = {
  pool: 'main',
  code: 'DB_CONNECT_REFUSED',
  host: 'db',
  port: 5432,
  message: 'connection refused: is PostgreSQL running at db:5432?',
};

describe('the log of the database', () => {
  it('says once where connecting failed, with code, host, port and what to check', () => {
    const { log, lines } = subject();

    log.connectionFailed?.(refused);

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'db.connect.failed',
        pool: 'main',
        code: 'DB_CONNECT_REFUSED',
        host: 'db',
        port: 5432,
        reason: refused.message,
        suppressed: 0,
      }),
    ]);
  });

  it('writes a storm of failures as one line every 30 s, with the count of the others', () => {
    const { log, lines, clock } = subject();

    for (let attempt = 0; attempt <= 3000; attempt += 1) {
      clock.now = attempt * 20;
      log.connectionFailed?.(refused);
    }

    expect(lines.map(({ suppressed }) => suppressed)).toEqual([0, 1499, 1499]);
  });

  it('writes another code and another pool at once', () => {
    const { log, lines } = subject();

    log.connectionFailed?.(refused);
    log.connectionFailed?.({ ...refused, code: 'DB_AUTH_FAILED' });
    log.connectionFailed?.({ ...refused, pool: 'replica' });
    log.connectionFailed?.(refused);

    expect(lines).toHaveLength(3);
  });

  it.each([
    ['down', 'error'],
    ['read_only', 'error'],
    ['migrations_pending', 'error'],
    ['saturated', 'info'],
    ['up', 'info'],
  ])('writes that health turned to %s as %s', (to, level) => {
    const { log, lines } = subject();

    log.verdictChanged?.({ pool: 'main', from: 'starting', to, code: undefined, message: 'why' });

    expect(lines).toEqual([
      expect.objectContaining({ level, event: 'db.health.changed', from: 'starting', to }),
    ]);
  });

  it('writes connections that open and close for those who debug', () => {
    const { log, lines } = subject();

    log.connectionOpened?.({ pool: 'main', pid: 7, durationMs: 3 });
    log.connectionClosed?.({ pool: 'main', pid: 7, reason: 'lifetime', ageMs: 90 });

    expect(lines).toEqual([
      expect.objectContaining({ level: 'debug', event: 'db.connection.opened', pid: 7 }),
      expect.objectContaining({
        level: 'debug',
        event: 'db.connection.closed',
        pid: 7,
        reason: 'lifetime',
      }),
    ]);
  });
});
