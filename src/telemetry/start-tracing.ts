import { diag, DiagLogLevel, trace } from '@opentelemetry/api';
import type { DiagLogger } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { ConsoleSpanExporter } from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { batchLimits, traceExporters } from './otel-environment.ts';
import type { OtelEnvironment } from './otel-environment.ts';
import { ProblemFeed } from './problem-feed.ts';
import { instrumentQueries, SafeQuerySpans } from './query-spans.ts';
import { SpanExport } from './span-export.ts';
import type { Tracing } from './tracing.ts';

/** Who we are to OpenTelemetry, unless its variables say otherwise. */
export interface TracedService {
  readonly name: string;
  readonly version: string;
}

const EXPORTERS = {
  // Several exports are under way at the end only, when all that waits is sent at once: its own limit of 30 would then
  // refuse the others.
  otlp: () => new OTLPTraceExporter({ concurrencyLimit: Infinity }),
  console: () => new ConsoleSpanExporter(),
};

/** What OpenTelemetry says of a variable without its name. */
const SAID_OF = [
  [/^Header /, 'OTEL_EXPORTER_OTLP_HEADERS'],
  [/export URL|Provided URL/, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  [/^Propagator /, 'OTEL_PROPAGATORS'],
] as const;

/**
 * Registers OpenTelemetry for this process as `OTEL_*` say, and makes pg record its statements. Call once, before pg is
 * loaded. Metrics and logs are pushed only when their exporters are named.
 */
export function startTracing(env: OtelEnvironment, { name, version }: TracedService): Tracing {
  const problems = new ProblemFeed();
  const warned = new Set<string>();
  const refuse = (variable: string) => {
    if (!warned.has(variable)) {
      warned.add(variable);
      problems.tell({ kind: 'warning', variables: [variable] });
    }
  };
  // Its own lines quote values, secrets among them.
  diag.setLogger(toldTo(refuse), DiagLogLevel.WARN);
  const limits = batchLimits(env, refuse);
  const exports = traceExporters(env, refuse).map(
    (exporter) =>
      new SpanExport(EXPORTERS[exporter](), limits, (problem) => problems.tell(problem)),
  );
  // Before the SDK: its meter is none then, whatever exporter of metrics there is.
  instrumentQueries();
  const sdk = new NodeSDK({
    resource: defaultResource().merge(
      resourceFromAttributes({ [ATTR_SERVICE_NAME]: name, [ATTR_SERVICE_VERSION]: version }),
    ),
    // The others tell of the host, its user and the command line.
    ...(isUnset(env, 'OTEL_NODE_RESOURCE_DETECTORS') && {
      resourceDetectors: [envDetector, serviceInstanceIdDetector],
    }),
    ...(isUnset(env, 'OTEL_METRICS_EXPORTER') && { metricReaders: [] }),
    ...(isUnset(env, 'OTEL_LOGS_EXPORTER') && { logRecordProcessors: [] }),
    spanProcessors: [new SafeQuerySpans(), ...exports],
  });
  sdk.start();
  return {
    tracer: trace.getTracer(name, version),
    droppedSpans: () => exports.reduce((sum, { dropped }) => sum + dropped, 0),
    onProblem: (listener) => problems.listen(listener),
    async flush(deadlineMs) {
      await Promise.all(exports.map((one) => one.flush(deadlineMs)));
    },
  };
}

function isUnset(env: OtelEnvironment, variable: string): boolean {
  return (env[variable]?.trim() ?? '') === '';
}

/** Which variables a line is about is all that is passed on of it. */
function toldTo(refuse: (variable: string) => void): DiagLogger {
  const hear = (message: string) => {
    const named = message.match(/\bOTEL_[A-Z_]+/g) ?? [];
    const meant = SAID_OF.filter(([words]) => words.test(message)).map(([, variable]) => variable);
    [...named, ...meant].forEach(refuse);
  };
  const ignore = () => undefined;
  return { error: hear, warn: hear, info: ignore, debug: ignore, verbose: ignore };
}
