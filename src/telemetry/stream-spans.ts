import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Tracer } from '@opentelemetry/api';
import {
  ATTR_DB_NAMESPACE,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from '@opentelemetry/semantic-conventions';
import type { DatabaseObserver } from '#database/database-observer.ts';
import { contextOfWork } from './acquire-spans.ts';
import { createStatementDescriber } from './statement-attributes.ts';

/**
 * Records a span for each statement that was read by a cursor: of those, the instrumentation of pg begins a span and
 * never ends it. It lasts as long as all reads together, and ends with the last.
 */
export function createStreamSpans(tracer: Tracer): DatabaseObserver {
  const describe = createStatementDescriber();
  return {
    queryEnded({ server, scope, text, durationMs, isStream, code, sqlState }) {
      const parent = isStream ? contextOfWork(scope) : undefined;
      if (parent === undefined) {
        return;
      }
      const { name, attributes } = describe(text);
      const now = performance.now();
      const span = tracer.startSpan(
        name,
        {
          kind: SpanKind.CLIENT,
          startTime: now - durationMs,
          attributes: {
            [ATTR_DB_SYSTEM_NAME]: 'postgresql',
            [ATTR_DB_NAMESPACE]: server.database,
            [ATTR_SERVER_ADDRESS]: server.host,
            [ATTR_SERVER_PORT]: server.port,
            ...attributes,
          },
        },
        parent,
      );
      if (code !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        span.setAttribute(ATTR_ERROR_TYPE, sqlState ?? code);
      }
      if (sqlState !== undefined) {
        span.setAttribute(ATTR_DB_RESPONSE_STATUS_CODE, sqlState);
      }
      span.end(now);
    },
  };
}
