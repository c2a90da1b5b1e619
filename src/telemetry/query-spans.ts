import { SpanStatusCode } from '@opentelemetry/api';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import type { Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import {
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_ERROR_TYPE,
} from '@opentelemetry/semantic-conventions';
import { createStatementDescriber } from './statement-attributes.ts';

const PG_SCOPE = '@opentelemetry/instrumentation-pg';

/** How the instrumentation words the event of a failure: no message of pg's, which quotes values, but its code. */
const FAILURE = /\(code: (\w+)\)$/;
const SQLSTATE = /^[0-9A-Z]{5}$/;
const UNKNOWN = 'UNKNOWN';

/**
 * Makes pg record its statements, those of recorded traces only. The spans of the instrumentation are completed: it
 * names them by the command, and puts the text as it is into them. Its metrics go nowhere: it is not handed to the SDK,
 * so that its meter is none.
 */
export function instrumentQueries(): void {
  const describe = createStatementDescriber();
  // Created is enabled.
  void new PgInstrumentation({
    requireParentSpan: true,
    ignoreConnectSpans: true,
    requestHook(span, { query: { text } }) {
      if (span.isRecording()) {
        const { name, attributes } = describe(text);
        span.updateName(name).setAttributes(attributes);
      }
    },
  });
}

/**
 * Takes what may hold values out of the spans of pg before they end: its message of a failure, in whose place the code
 * stays, and a text that has not been sanitised, for whatever reason.
 */
export class SafeQuerySpans implements SpanProcessor {
  onStart(): void {}

  onEnding(span: Span): void {
    if (span.instrumentationScope.name !== PG_SCOPE) {
      return;
    }
    if (span.attributes[ATTR_DB_QUERY_SUMMARY] === undefined) {
      span.setAttribute(ATTR_DB_QUERY_TEXT, '?');
    }
    if (span.status.code === SpanStatusCode.ERROR) {
      this.#describeFailure(span);
    }
  }

  #describeFailure(span: Span): void {
    const code = codeOf(span);
    if (SQLSTATE.test(code)) {
      span.setAttribute(ATTR_DB_RESPONSE_STATUS_CODE, code);
    }
    span.setAttribute(ATTR_ERROR_TYPE, code === UNKNOWN ? '_OTHER' : code);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }

  onEnd(): void {}

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

function codeOf({ events }: Span): string {
  const said = events.map(({ attributes }) => String(attributes?.['exception.message']));
  return FAILURE.exec(said.at(-1) ?? '')?.[1] ?? UNKNOWN;
}
