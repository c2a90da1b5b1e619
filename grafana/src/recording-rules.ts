import { Promql } from './promql.ts';

/** Windows over which Prometheus records the share of bad events of each objective. */
const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '30d'] as const;
type Window = (typeof WINDOWS)[number];
const BUDGET = 'slo:error_budget:ratio';

/** The service level objectives, as the label `slo` of what is recorded for a job. */
export const SLOS = ['availability', 'latency', 'acquire'] as const;
export type Slo = (typeof SLOS)[number];

/** Every recorded series that dashboards may use; prometheus/rules must record each for every objective. */
export const RECORDING_RULES = [
  BUDGET,
  ...WINDOWS.map((window) => errorRatioName(window)),
] as const;

function errorRatioName<W extends Window>(window: W) {
  return `slo:sli_error:ratio_rate${window}` as const;
}

type Recorded = Promql<'job' | 'slo'>;

function recorded(name: (typeof RECORDING_RULES)[number], slo: Slo): Recorded {
  return new Promql(`${name}{job=~"$job", slo="${slo}"}`);
}

/** Share of the events that are promised to be good in 30 days. */
export function objective(slo: Slo): Recorded {
  return recorded(BUDGET, slo).complement();
}

/** Share of the events that were good in the last 30 days. */
export function kept(slo: Slo): Recorded {
  return recorded('slo:sli_error:ratio_rate30d', slo).complement();
}

/** How fast the error budget is used: at 1 it lasts exactly 30 days. */
export function burnRate(slo: Slo, window: Window): Recorded {
  return recorded(errorRatioName(window), slo).over(recorded(BUDGET, slo));
}

/** Share of the 30 days' error budget that is left; below 0 it is overdrawn. */
export function budgetLeft(slo: Slo): Recorded {
  return burnRate(slo, '30d').complement();
}

/** Minutes until the budget is gone if the last hour goes on; at most 30 days, since a budget that is not used lasts. */
export function minutesLeft(slo: Slo): Recorded {
  const all = 30 * 24 * 60;
  const burning = `clamp_min(${burnRate(slo, '1h').text}, 0.001)`;
  return new Promql(`clamp((${budgetLeft(slo).text}) * ${all} / ${burning}, 0, ${all})`);
}

/** Alerts that ask for somebody: Watchdog, which fires always, has no severity. Alerts of the whole job have no instance. */
export function firingAlerts(): Promql<'job' | 'alertname' | 'severity'> {
  return new Promql('ALERTS{job=~"$job", alertstate="firing", severity!="none"}');
}
