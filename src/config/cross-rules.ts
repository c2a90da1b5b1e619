import type { EnvironmentValues, Variable } from './environment-schema.ts';

/** Durations that only make sense in one order. */
export interface CrossRule {
  readonly smaller: Variable;
  /** Added to the smaller one while a toggle is on. */
  readonly plus?: { readonly variable: Variable; readonly while: Variable };
  readonly larger: Variable;
  readonly mayBeEqual?: boolean;
  /** What goes wrong otherwise. */
  readonly why: string;
}

/** Orders that are refused when broken. */
export const CROSS_RULES: readonly CrossRule[] = [
  {
    smaller: 'DB_CONNECT_TIMEOUT_MS',
    plus: { variable: 'DB_PRE_PING_TIMEOUT_MS', while: 'DB_POOL_PRE_PING' },
    larger: 'DB_ACQUIRE_TIMEOUT_MS',
    why: 'an attempt to connect must fail before the wait for a connection ends, after a failed ping, too',
  },
  {
    smaller: 'DB_ACQUIRE_TIMEOUT_MS',
    larger: 'HTTP_REQUEST_TIMEOUT_MS',
    why: 'a request must learn that the pool is busy before its own deadline',
  },
  {
    smaller: 'DB_STATEMENT_TIMEOUT_MS',
    larger: 'HTTP_REQUEST_TIMEOUT_MS',
    why: 'a request must learn that a statement is slow before its own deadline',
  },
  {
    smaller: 'DB_IDLE_TIMEOUT_MS',
    larger: 'DB_MAX_LIFETIME_MS',
    why: 'a connection would always be too old before it is idle for long',
  },
  {
    smaller: 'HTTP_HEADERS_TIMEOUT_MS',
    larger: 'HTTP_RECEIVE_TIMEOUT_MS',
    mayBeEqual: true,
    why: 'the head is part of the request',
  },
];

/** Orders that work when broken, though hardly as meant: warnings. */
export const CROSS_ADVICE: readonly CrossRule[] = [
  {
    smaller: 'HTTP_REQUEST_TIMEOUT_MS',
    larger: 'HTTP_STREAM_TIMEOUT_MS',
    why: 'the statement of a report would be ended before the deadline of its beginning',
  },
  {
    smaller: 'DB_LOCK_TIMEOUT_MS',
    larger: 'DB_STATEMENT_TIMEOUT_MS',
    why: 'a wait for a lock would end as a slow statement',
  },
  {
    smaller: 'HTTP_REQUEST_TIMEOUT_MS',
    larger: 'SHUTDOWN_GRACE_MS',
    mayBeEqual: true,
    why: 'the longest request would be cut at shutdown',
  },
];

/** The variables whose values decide. */
export function variablesOf({ smaller, plus, larger }: CrossRule): readonly Variable[] {
  return [smaller, larger, ...(plus === undefined ? [] : [plus.variable, plus.while])];
}

/** Tells whether the values keep the order. */
export function holds(rule: CrossRule, values: EnvironmentValues): boolean {
  const { plus } = rule;
  const added = plus !== undefined && values[plus.while] === true ? values[plus.variable] : 0;
  const smaller = Number(values[rule.smaller]) + Number(added);
  const larger = Number(values[rule.larger]);
  return smaller < larger || (rule.mayBeEqual === true && smaller === larger);
}

/** The rule in words, without the name of the smaller variable. */
export function inWords(
  { larger, plus, mayBeEqual = false, why }: CrossRule,
  verb: 'must' | 'should',
): string {
  const added = plus === undefined ? '' : `, ${plus.variable} added while ${plus.while} is true`;
  const order = mayBeEqual ? 'not be larger than' : 'be smaller than';
  return `${verb} ${order} ${larger}${added} (${why})`;
}
