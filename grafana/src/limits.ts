import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Threshold } from '@grafana/grafana-foundation-sdk/dashboard';

/** From which figure on a panel warns and alarms. */
export type Limits = readonly Threshold[];

/** For what is neither good nor bad by itself. */
export const NO_LIMITS: Limits = [{ value: null, color: 'green' }];

/** For what is not judged here: no colour. */
export const UNJUDGED: Limits = [{ value: null, color: 'text' }];

/** Bad when high: orange from the first figure on, red from the second. */
export function notAbove(warn: number, bad?: number): Limits {
  return [
    ...NO_LIMITS,
    { value: warn, color: 'orange' },
    ...(bad === undefined ? [] : [{ value: bad, color: 'red' }]),
  ];
}

/** Bad when low: red below the first figure, orange below the second. */
export function notBelow(bad: number, warn: number): Limits {
  return [
    { value: null, color: 'red' },
    ...(bad === warn ? [] : [{ value: bad, color: 'orange' }]),
    { value: warn, color: 'green' },
  ];
}

/** A single one is as bad as many. */
export function atMost(count: number): Limits {
  return [...NO_LIMITS, { value: count + 1e-9, color: 'red' }];
}

/** Whether the limits are a floor instead of a ceiling. */
export function isBadWhenLow(limits: Limits): boolean {
  return limits[0]?.color === 'red';
}

/** The figures at which lines are drawn, from low to high. */
export function linesOf(limits: Limits): readonly number[] {
  return limits.map(({ value }) => value).filter((value) => value !== null);
}

export function thresholds(limits: Limits): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...limits]);
}
