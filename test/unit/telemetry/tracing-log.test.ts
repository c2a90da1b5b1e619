import { describe, expect, it } from 'vitest';
import { createLogger } from '#telemetry/logger.ts';
import { ProblemFeed } from '#telemetry/problem-feed.ts';
import { createTracingLog } from '#telemetry/tracing-log.ts';

function recorder() {
  const lines: Record<string, unknown>[] = [];
  let now = 0;
  const logger = createLogger(
    {
      level: 'info',
      format: 'json',
      scope: () => ({ request_id: 'r', trace_id: 't', span_id: 's' }),
    },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return {
    lines,
    tell: createTracingLog(logger, () => now),
    pass: (ms: number) => (now += ms),
  };
}

describe('the log of tracing', () => {
  it('says once in 30 s that spans are not delivered, and belongs to no request', () => {
    const { lines, tell, pass } = recorder();
    const failure = { kind: 'export', reason: 'ECONNREFUSED', spans: 5 } as const;

    tell(failure);
    tell(failure);
    tell({ ...failure, reason: 'timeout' });
    pass(30_000);
    tell(failure);

    expect(lines).toMatchObject([
      {
        level: 'warn',
        event: 'otel.export.failed',
        reason: 'ECONNREFUSED',
        spans: 5,
        suppressed: 0,
      },
      {
        level: 'warn',
        event: 'otel.export.failed',
        reason: 'ECONNREFUSED',
        spans: 5,
        suppressed: 2,
      },
    ]);
    expect(lines.flatMap(Object.keys)).not.toEqual(expect.arrayContaining(['trace_id']));
  });

  it('names the variables that OpenTelemetry does not take', () => {
    const { lines, tell } = recorder();

    tell({ kind: 'warning', variables: ['OTEL_TRACES_SAMPLER'] });

    expect(lines).toMatchObject([{ event: 'otel.warning', variables: ['OTEL_TRACES_SAMPLER'] }]);
  });

  it('hears of what went wrong before it was there, and of nothing once it has ended', () => {
    const feed = new ProblemFeed();
    const heard: unknown[] = [];
    const problem = (variable: string) => ({ kind: 'warning', variables: [variable] }) as const;

    feed.tell(problem('early'));
    const end = feed.listen((told) => heard.push(told));
    feed.tell(problem('now'));
    end();
    feed.tell(problem('late'));

    expect(heard).toEqual([problem('early'), problem('now')]);
  });
});
