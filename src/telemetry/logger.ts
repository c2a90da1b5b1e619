import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogLevel, LogSettings } from '#config/settings.ts';
import { type LogDestination, stdoutDestination } from './log-destination.ts';
import { logTime } from './log-time.ts';
import { safeFields } from './safe-fields.ts';
import { escapeControls, safeText } from './safe-text.ts';

/** What a line says beside its message. */
interface LogFields {
  /** Stable dotted name, listed in docs/logs.md. */
  readonly event?: string;
  /** An error, of any origin: only what is safe of it is written. */
  readonly err?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Writes one line a call. `error` and `fatal` = someone should get up; `warn` = odd but healed;
 * `info` = once per lifecycle step or request; `debug` = per connection. Never throws.
 */
export interface Logger {
  /** Lines below it are not written. May be set at run time. */
  level: LogLevel;
  debug(fields: LogFields, msg: string): void;
  info(fields: LogFields, msg: string): void;
  warn(fields: LogFields, msg: string): void;
  error(fields: LogFields, msg: string): void;
  fatal(fields: LogFields, msg: string): void;
}

/** The process's logger: whoever created it closes it, as the last of all. */
export interface RootLogger extends Logger {
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface LoggerOptions extends LogSettings {
  /** What every line says of where it comes from; default `tidegauge`. */
  readonly service?: string | undefined;
  /** Fields of the work a line belongs to (`request_id`, `trace_id`), asked for at every line. */
  readonly scope?: () => LogFields | undefined;
}

/**
 * Creates the logger: one JSON object a line with `time` (ISO 8601, UTC), `level` as a word,
 * `service`, the scope's fields, the call's fields and `msg`; or the same for people (`pretty`).
 */
export function createLogger(
  options: LoggerOptions,
  destination: LogDestination = stdoutDestination({ sync: options.format === 'pretty' }),
): RootLogger {
  const isPretty = options.format === 'pretty';
  let current = options.level;
  const prettify = prettyFactory({
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'service',
    singleLine: true,
    errorLikeObjectKeys: ['err'],
  });
  const lines = pino(
    {
      level: options.level,
      base: { service: options.service ?? 'tidegauge' },
      timestamp: logTime(),
      // Replaces pino's own, which takes what serializeError made for an error of an unknown class.
      serializers: { err: (serialized: unknown) => serialized },
      formatters: { level: (label) => ({ level: label }) },
      // Fields arrive bounded by safeFields; pino's own limits would cut causes of errors.
      depthLimit: 20,
      edgeLimit: 1000,
    },
    { write: (line) => destination.write(isPretty ? prettify(line) : line) },
  );
  const write = (level: Exclude<LogLevel, 'silent' | 'trace'>, fields: LogFields, msg: string) => {
    if (lines.isLevelEnabled(level)) {
      const safe = safeFields(fields, options.scope?.());
      const text = safeText(msg);
      lines[level](isPretty ? visible(safe) : safe, isPretty ? escapeControls(text) : text);
    }
  };
  return {
    get level() {
      return current;
    },
    set level(level) {
      current = level;
      lines.level = level;
    },
    debug: (fields, msg) => write('debug', fields, msg),
    info: (fields, msg) => write('info', fields, msg),
    warn: (fields, msg) => write('warn', fields, msg),
    error: (fields, msg) => write('error', fields, msg),
    fatal: (fields, msg) => write('fatal', fields, msg),
    flush: async () => destination.flush?.(),
    close: async () => destination.close?.(),
  };
}

/** For a terminal: no field may move its cursor. Only a stack, made of frames alone, keeps its lines. */
function visible(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => [
      escapeControls(name),
      name === 'stack' && typeof value === 'string'
        ? value.split('\n').map(escapeControls).join('\n')
        : visibleValue(value),
    ]),
  );
}

function visibleValue(value: unknown): unknown {
  if (typeof value === 'string') {
    return escapeControls(value);
  }
  if (Array.isArray(value)) {
    return value.map(visibleValue);
  }
  return typeof value === 'object' && value !== null ? visible(value) : value;
}
