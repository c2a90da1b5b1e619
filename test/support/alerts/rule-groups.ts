import { globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A series that Prometheus records. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An alert that Prometheus raises. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly (RecordingRule | AlertingRule)[] }[];
}

/** Every rule of the project, by what it makes. */
export function readRuleGroups(): {
  readonly alerts: readonly AlertingRule[];
  readonly recorded: readonly RecordingRule[];
} {
  const rules = globSync('prometheus/rules/*.yml').flatMap((file) => {
    const { groups } = parse(readFileSync(file, 'utf8')) as RuleFile; // adapter: promtool has checked it
    return groups.flatMap((group) => group.rules);
  });
  return {
    alerts: rules.filter((rule) => 'alert' in rule),
    recorded: rules.filter((rule) => 'record' in rule),
  };
}

/** `DbPoolLeak` as `db-pool-leak`, the name of its runbook. */
export function kebabOf(alert: string): string {
  return alert.replaceAll(/(?<!^)(?=[A-Z])/g, '-').toLowerCase();
}
