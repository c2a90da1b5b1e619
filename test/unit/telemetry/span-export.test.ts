import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { TracerProvider, AlwaysOnSampler } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import { SpanExport } from '#telemetry/span-export.ts';
import type { TracingProblem } from '#telemetry/tracing.ts';
import { until } from '#test/support/until.ts';

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

const LIMITS = {
  maxQueueSize: 100,
  maxExportBatchSize: 10,
  scheduledDelayMillis: 1,
  exportTimeoutMillis: 60_000,
};

/** The network: it keeps what it is given, and answers when it is told to. */
class HeldExporter implements SpanExporter {
  readonly batches: { readonly spans: ReadableSpan[]; readonly done: (result: Result) => void }[] =
    [];
  answer: Result | undefined;

  export(spans: ReadableSpan[], done: (result: Result) => void): void {
    this.batches.push({ spans, done });
    if (this.answer !== undefined) done(this.answer);
  }

  async shutdown(): Promise<void> {}
}

function pipeline(limits: Partial<typeof LIMITS> = {}) {
  const exporter = new HeldExporter();
  const problems: TracingProblem[] = [];
  const spanExport = new SpanExport(exporter, { ...LIMITS, ...limits }, (problem) =>
    problems.push(problem),
  );
  const tracer = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [spanExport],
  }).getTracer('test');
  const record = (count: number) => {
    for (const n of Array(count).keys()) tracer.startSpan(`span ${n}`, {}, ROOT_CONTEXT).end();
  };
  return { exporter, problems, spanExport, record };
}

describe('the export of spans', () => {
  it('holds no more than its queue and the batch that is under way, and counts the rest as lost', async () => {
    const { exporter, spanExport, record } = pipeline();
    record(100);
    await until('a batch is under way', () => exporter.batches.at(0));
    const lostBefore = spanExport.dropped;

    record(10_000);

    expect(lostBefore).toBe(0);
    expect(spanExport.dropped).toBe(10_000 - exporter.batches.length * LIMITS.maxExportBatchSize);
    expect(exporter.batches.length).toBeLessThan(3);
  });

  it.each([
    [{ code: 1, error: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }, 'ECONNREFUSED'],
    [{ code: 1, error: Object.assign(new Error('no such key'), { code: 401 }) }, 'HTTP 401'],
    [{ code: 1, error: new Error('Request timed out') }, 'timeout'],
    [{ code: 1 }, 'unavailable'],
  ])(
    'counts spans whose export fails with %j as lost, and tells of a %s',
    async (answer, reason) => {
      const { exporter, problems, spanExport, record } = pipeline();
      exporter.answer = answer;

      record(7);
      await spanExport.forceFlush();

      expect(spanExport.dropped).toBe(7);
      expect(problems).toEqual([{ kind: 'export', reason, spans: 7 }]);
    },
  );

  it('counts spans as lost whose export is never answered', async () => {
    const { problems, spanExport, record } = pipeline({ exportTimeoutMillis: 20 });

    record(7);
    await until('they are lost', () => (spanExport.dropped === 7 ? true : undefined));

    expect(problems).toEqual([{ kind: 'export', reason: 'timeout', spans: 7 }]);
  });

  it('control: loses none that are taken', async () => {
    const { exporter, problems, spanExport, record } = pipeline();
    exporter.answer = { code: 0 };

    record(100);
    await spanExport.forceFlush();

    expect(exporter.batches.flatMap(({ spans }) => spans)).toHaveLength(100);
    expect(spanExport.dropped).toBe(0);
    expect(problems).toEqual([]);
  });

  it('gives up at the deadline of a flush, and tells of what is left', async () => {
    const { problems, spanExport, record } = pipeline();

    record(7);
    await spanExport.flush(20);

    expect(problems).toEqual([{ kind: 'export', reason: 'timeout', spans: 7 }]);
  });

  it('ends a flush in order when the exports of it are given up before its deadline', async () => {
    const { problems, spanExport, record } = pipeline({ exportTimeoutMillis: 20 });

    record(7);
    await spanExport.flush(60_000);

    expect(problems).toEqual([{ kind: 'export', reason: 'timeout', spans: 7 }]);
  });
});
