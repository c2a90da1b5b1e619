import { globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface TestFile {
  readonly rule_files: readonly string[];
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test?: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
    }[];
    readonly promql_expr_test?: readonly {
      readonly expr: string;
      readonly exp_samples: readonly { readonly labels: string }[];
    }[];
  }[];
}

/** What a promtool test expects of an alert: the windows that fire; none when it is expected to be quiet. */
export interface Expectation {
  readonly alert: string;
  /** Of the alert, where it has several; undefined for the others, and for a quiet expectation of all. */
  readonly window: string | undefined;
  readonly isFiring: boolean;
}

const FILES = globSync('prometheus/tests/*.yml').map((file) => {
  return parse(readFileSync(file, 'utf8')) as TestFile; // adapter: promtool has checked it
});

/** Rule files that have tests, as they are written there. */
export const TESTED_FILES: readonly string[] = FILES.flatMap((file) => file.rule_files);

/** Names of all tests. */
export const TEST_NAMES: readonly string[] = FILES.flatMap(({ tests }) =>
  tests.map(({ name }) => name),
);

/** What all tests expect of alerts, asked by name or by the series `ALERTS`. */
export function readExpectations(): readonly Expectation[] {
  return FILES.flatMap(({ tests }) =>
    tests.flatMap(({ alert_rule_test: asked = [], promql_expr_test: evaluated = [] }) => [
      ...asked.flatMap(({ alertname, exp_alerts: expected }) =>
        expected.length === 0
          ? [{ alert: alertname, window: undefined, isFiring: false }]
          : expected.map(({ exp_labels: labels }) => ({
              alert: alertname,
              window: labels['window'],
              isFiring: true,
            })),
      ),
      ...evaluated.flatMap(({ expr, exp_samples: samples }) => {
        const alert = /^ALERTS\{.*alertname="(\w+)"/.exec(expr)?.[1];
        const window = /window="(\w+)"/.exec(expr)?.[1];
        return alert === undefined ? [] : [{ alert, window, isFiring: samples.length > 0 }];
      }),
    ]),
  );
}
