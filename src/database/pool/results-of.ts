import type { QueryResult } from 'pg';

/** The results of a text, one for each of its statements: of several it has several, which pg does not declare. */
export function resultsOf(result: QueryResult | readonly QueryResult[]): readonly QueryResult[] {
  return 'command' in result ? [result] : result;
}
