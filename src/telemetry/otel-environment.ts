import type { BatchLimits } from './span-export.ts';

/** Variables by name; undefined = unset. OpenTelemetry takes an empty one for unset. */
export type OtelEnvironment = Readonly<Record<string, string | undefined>>;

/** Of a timer, with room for what is added. */
const LONGEST_TIMER = 2 ** 31 - 10_000;
const EXPORTERS: ReadonlySet<string> = new Set(['otlp', 'console']);

/** Whether traces are recorded: somebody is there to take them, and nothing says no. */
export function isTracingOn(env: OtelEnvironment): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') {
    return false;
  }
  const exporters = listOf(env['OTEL_TRACES_EXPORTER']);
  if (exporters.some((exporter) => EXPORTERS.has(exporter))) {
    return true;
  }
  // One that is unknown is as good as none named.
  return (
    !exporters.includes('none') &&
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some(
      (variable) => (env[variable]?.trim() ?? '') !== '',
    )
  );
}

/** The name that traces have the service by: its own variable before the attributes; undefined: the default. */
export function serviceNameIn(env: OtelEnvironment): string | undefined {
  const [, attribute = ''] =
    /(?:^|,)\s*service\.name\s*=([^,]*)/.exec(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '') ?? [];
  const name = env['OTEL_SERVICE_NAME']?.trim() || decoded(attribute.trim());
  return name === '' ? undefined : name;
}

/** Where traces go; `refuse` is told of variables that ask for what there is not. */
export function traceExporters(
  env: OtelEnvironment,
  refuse: (variable: string) => void,
): ('otlp' | 'console')[] {
  const asked = listOf(env['OTEL_TRACES_EXPORTER']);
  if (asked.some((exporter) => !EXPORTERS.has(exporter))) {
    refuse('OTEL_TRACES_EXPORTER');
  }
  for (const variable of ['OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']) {
    if (!['', 'http/protobuf'].includes(env[variable]?.trim() ?? '')) {
      refuse(variable);
    }
  }
  const known = (['otlp', 'console'] as const).filter((exporter) => asked.includes(exporter));
  return known.length === 0 ? ['otlp'] : known;
}

/** The bounds of the queue, by the variables OTEL_BSP_* and their defaults; `refuse` is told of wrong ones. */
export function batchLimits(env: OtelEnvironment, refuse: (variable: string) => void): BatchLimits {
  const read = (variable: string, otherwise: number) => {
    const text = env[variable]?.trim() ?? '';
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= LONGEST_TIMER) {
      return value;
    }
    if (text !== '') {
      refuse(variable);
    }
    return otherwise;
  };
  const maxQueueSize = read('OTEL_BSP_MAX_QUEUE_SIZE', 2048);
  return {
    maxQueueSize,
    maxExportBatchSize: Math.min(read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512), maxQueueSize),
    scheduledDelayMillis: read('OTEL_BSP_SCHEDULE_DELAY', 5000),
    exportTimeoutMillis: read('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
  };
}

function listOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // OpenTelemetry takes none of the attributes then.
    return '';
  }
}
