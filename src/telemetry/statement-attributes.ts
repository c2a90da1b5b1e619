import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
} from '@opentelemetry/semantic-conventions';
import { querySummary } from '#sql/query-summary.ts';
import { StatementFacts } from '#sql/statement-facts.ts';
import { summaryOf } from '#sql/statement-summary.ts';
import { sanitizeSql } from './sanitize-sql.ts';

/** What a span says of a statement; nothing of it is a value. */
export interface DescribedStatement {
  /** The summary, by which the span is named. */
  readonly name: string;
  readonly attributes: Attributes;
}

/** Describes statements for their spans, each text once. */
export function createStatementDescriber(): (text: string) => DescribedStatement {
  const known = new StatementFacts(describe);
  return (text) => known.of(withoutComment(text));
}

/** Comments of sqlcommenter are different in every trace. */
function withoutComment(text: string): string {
  return text.endsWith("'*/") ? text.slice(0, text.lastIndexOf('/*')) : text;
}

function describe(text: string): DescribedStatement {
  const { operation, collection } = summaryOf(text);
  const name = querySummary(text);
  return {
    name,
    attributes: {
      [ATTR_DB_OPERATION_NAME]: operation,
      ...(collection !== undefined && { [ATTR_DB_COLLECTION_NAME]: collection }),
      [ATTR_DB_QUERY_SUMMARY]: name,
      [ATTR_DB_QUERY_TEXT]: sanitizeSql(text),
    },
  };
}
