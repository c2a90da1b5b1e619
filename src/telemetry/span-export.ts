import { TraceFlags } from '@opentelemetry/api';
import type { Context } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import type { TracingProblem } from './tracing.ts';

/** ExportResultCode.SUCCESS. */
const SUCCESS = 0;

/** The SDK gives up later than we do, so that it hears of every export how it ended. */
const TIMEOUT_MARGIN_MS = 1000;

type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/** As the variables OTEL_BSP_* name them. Milliseconds. */
export interface BatchLimits {
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

/**
 * Sends spans in batches from a bounded queue, and counts those that are lost: the queue was full, or their export
 * failed or took too long.
 */
export class SpanExport implements SpanProcessor {
  readonly #limits: BatchLimits;
  readonly #exporter: SpanExporter;
  readonly #batches: BatchSpanProcessor;
  readonly #tell: (problem: TracingProblem) => void;
  #queued = 0;
  #underWay = 0;
  #dropped = 0;

  constructor(
    exporter: SpanExporter,
    limits: BatchLimits,
    tell: (problem: TracingProblem) => void,
  ) {
    this.#exporter = exporter;
    this.#limits = limits;
    this.#tell = tell;
    this.#batches = new BatchSpanProcessor({
      ...limits,
      exportTimeoutMillis: limits.exportTimeoutMillis + TIMEOUT_MARGIN_MS,
      exporter: {
        export: (spans, done) => this.#export(spans, done),
        forceFlush: async () => exporter.forceFlush?.(),
        shutdown: () => exporter.shutdown(),
      },
    });
  }

  get dropped(): number {
    return this.#dropped;
  }

  onStart(span: Span, context: Context): void {
    this.#batches.onStart(span, context);
  }

  /** A full queue is met here, since the SDK's own drops from it are not to be counted from outside. */
  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) {
      return;
    }
    if (this.#queued >= this.#limits.maxQueueSize) {
      this.#dropped += 1;
      return;
    }
    this.#queued += 1;
    this.#batches.onEnd(span);
  }

  /** Waits for what is under way, too, which the SDK does not. */
  async forceFlush(): Promise<void> {
    await this.#batches.forceFlush();
    await this.#exporter.forceFlush?.();
  }

  /**
   * Sends what there is within the deadline in milliseconds, and tells of what is left then. That is not counted: it may
   * arrive yet, unless the process ends. Never rejects.
   */
  async flush(deadlineMs: number): Promise<void> {
    const { promise: deadline, resolve: expire } = Promise.withResolvers<'expired'>();
    const timer = setTimeout(expire, deadlineMs, 'expired');
    // What fails is told where it fails.
    const flushed = this.forceFlush().catch(() => undefined);
    const outcome = await Promise.race([flushed, deadline]);
    clearTimeout(timer);
    const spans = this.#queued + this.#underWay;
    if (outcome === 'expired' && spans > 0) {
      this.#tell({ kind: 'export', reason: 'timeout', spans });
    }
  }

  async shutdown(): Promise<void> {
    await this.#batches.shutdown();
  }

  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#queued -= spans.length;
    this.#underWay += spans.length;
    let isOver = false;
    const end = (failure: string | undefined) => {
      if (isOver) {
        return;
      }
      isOver = true;
      clearTimeout(timer);
      this.#underWay -= spans.length;
      if (failure !== undefined) {
        this.#dropped += spans.length;
        this.#tell({ kind: 'export', reason: failure, spans: spans.length });
      }
      // Told above, once: of what is called a failure here, the SDK writes a line of its own.
      done({ code: SUCCESS });
    };
    const timer = setTimeout(() => end('timeout'), this.#limits.exportTimeoutMillis);
    timer.unref();
    try {
      this.#exporter.export(spans, ({ code, error }) =>
        end(isSuccess(code) ? undefined : reasonOf(error)),
      );
    } catch (error) {
      end(reasonOf(error));
    }
  }
}

function isSuccess(code: number): boolean {
  return code === SUCCESS;
}

/** A code, never a message: those quote what the collector answers, and where it is. */
function reasonOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (typeof code === 'number') {
    return `HTTP ${code}`;
  }
  if (typeof code === 'string') {
    return code;
  }
  return error instanceof Error && /timed? ?out/i.test(error.message) ? 'timeout' : 'unavailable';
}
