import { BUDGET_RULES } from './connection-budget.ts';
import { DATA_RULES } from './data-rules.ts';
import { EXTENSION_RULES } from './extension-rules.ts';
import type { Finding, Rule, ServicePlan } from './finding.ts';
import { LIMIT_RULES } from './limit-rules.ts';
import { LOG_RULES } from './log-rules.ts';
import { ROLE_RULES } from './role-rules.ts';
import type { ServerVersion } from './server-facts.ts';
import { oldVersion, VERSION_RULES } from './version-rules.ts';

/** Every rule, in the order in which findings are told. */
export const SERVER_RULES: readonly Rule[] = [
  ...VERSION_RULES,
  ...BUDGET_RULES,
  ...LIMIT_RULES,
  ...DATA_RULES,
  ...LOG_RULES,
  ...ROLE_RULES,
  ...EXTENSION_RULES,
];

/** What of a server is not as the service would have it; the warnings first. Frozen. */
export function judgeServer(found: ServerVersion, plan: ServicePlan): readonly Finding[] {
  const { facts } = found;
  if (facts === undefined) return Object.freeze([oldVersion(found)]);
  const findings = SERVER_RULES.flatMap(({ id, severity, judge }): readonly Finding[] => {
    const text = judge(facts, plan);
    return text === undefined ? [] : [Object.freeze({ id, severity, ...text })];
  });
  return Object.freeze([
    ...findings.filter(({ severity }) => severity === 'warning'),
    ...findings.filter(({ severity }) => severity === 'info'),
  ]);
}
