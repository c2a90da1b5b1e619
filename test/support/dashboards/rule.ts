import type { DashboardJson } from './dashboard-json.ts';

/** A rule says what it has against a dashboard: nothing, or one line a fault. */
export type Rule = (dashboard: DashboardJson) => readonly string[];

/** Rules by the sentence that holds for a dashboard without a fault. */
export type Rules = Readonly<Record<string, Rule>>;
