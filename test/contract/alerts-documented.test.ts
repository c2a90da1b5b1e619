import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { METRICS } from '#telemetry/metric-catalogue.ts';
import { describe, expect, it } from 'vitest';
import { kebabOf, readRuleGroups } from '#test/support/alerts/rule-groups.ts';
import type { AlertingRule } from '#test/support/alerts/rule-groups.ts';

const { alerts } = readRuleGroups();
const names = [...new Set(alerts.map(({ alert }) => alert))];
const page = readFileSync('docs/alerts.md', 'utf8');
const runbooks = globSync('docs/runbooks/*.md');

/** Where settings, error codes and events are explained. */
const reference = ['configuration', 'errors', 'logs']
  .map((name) => readFileSync(`docs/${name}.md`, 'utf8'))
  .join('\n')
  .replaceAll(/^### (\w+)$/gm, '`$1`');

/** What every runbook says, in this order. */
const SECTIONS = ['What it means', 'Confirm', 'First actions', 'Look at', 'Prevent'];

/** `critical after 2m` as the page on alerts says it. */
function rowOf(name: string): string {
  const variants = alerts.filter(({ alert }) => alert === name);
  const told = variants.map(({ labels, for: held }) => `${labels['severity']} after ${held}`);
  return `| [${name}](runbooks/${kebabOf(name)}.md) | ${told.join(', ')} |`;
}

/** Whether it is a metric, or one of the three series of a histogram. */
function isMetric(name: string): boolean {
  return name in METRICS || name.replace(/_(?:bucket|sum|count)$/, '') in METRICS;
}

function headingsOf(text: string): readonly string[] {
  return [...text.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
}

function uidOf({ annotations }: AlertingRule): string | undefined {
  return /^http:\/\/127\.0\.0\.1:3001\/d\/([\w-]+)$/.exec(annotations['dashboard_url'] ?? '')?.[1];
}

describe('an alert', () => {
  it.for(alerts)(
    '$alert $labels.window has a severity and says what is up',
    ({ labels, annotations }) => {
      expect(['critical', 'warning', 'none']).toContain(labels['severity']);
      expect(Object.keys(annotations)).toStrictEqual([
        'summary',
        'description',
        'runbook_url',
        'dashboard_url',
      ]);
      expect(Object.values(annotations).filter((text) => text.trim() === '')).toStrictEqual([]);
      // It differs between Prometheus 2 and 3.
      expect(Object.values(annotations).join()).not.toContain('humanizePercentage');
    },
  );

  it.for(names)('%s has a runbook, which its annotation leads to', (name) => {
    const urls = alerts
      .filter(({ alert }) => alert === name)
      .map(({ annotations }) => annotations['runbook_url']);

    expect(new Set(urls)).toStrictEqual(new Set([`docs/runbooks/${kebabOf(name)}.md`]));
    expect(existsSync(`docs/runbooks/${kebabOf(name)}.md`)).toBe(true);
  });

  it('leads to a dashboard that there is', () => {
    const uids = globSync('grafana/dashboards/*.json').map((file) => {
      const { uid } = JSON.parse(readFileSync(file, 'utf8')) as { uid: string };
      return uid;
    });

    expect(uids.length).toBeGreaterThan(0);
    expect(alerts.filter((rule) => !uids.includes(uidOf(rule) ?? ''))).toStrictEqual([]);
  });

  it.for(names)('%s is in the table of docs/alerts.md, with severity and time', (name) => {
    expect(page.replaceAll(/ +/g, ' ')).toContain(rowOf(name));
  });
});

describe('docs/alerts.md', () => {
  it('lists no alert that there is not', () => {
    const listed = [...page.matchAll(/^\| \[(\w+)\]\(runbooks/gm)].map(([, name = '']) => name);

    expect(listed.toSorted()).toStrictEqual(names.toSorted());
  });
});

describe('a runbook', () => {
  it.for(runbooks)('%s belongs to an alert', (file) => {
    expect(names.map(kebabOf)).toContain(basename(file, '.md'));
  });

  it.for(runbooks)('%s says what to do, in the same order as the others', (file) => {
    expect(headingsOf(readFileSync(file, 'utf8'))).toStrictEqual(SECTIONS);
  });

  it.for(runbooks)('%s names only metrics that there are', (file) => {
    const named = [
      ...readFileSync(file, 'utf8').matchAll(
        /\b(?:db_(?:client|session|replica|tls)|http_server|nodejs|tidegauge)_\w+/g,
      ),
    ].map(([name]) => name);

    expect(named.filter((name) => !isMetric(name))).toStrictEqual([]);
  });

  it.for(runbooks)('%s names only settings, error codes and log events that there are', (file) => {
    const named = [
      ...readFileSync(file, 'utf8').matchAll(
        /`((?:DB|HTTP)_[A-Z_]+|(?:db|http|service|process)\.[a-z_.]+)`/g,
      ),
    ].map(([text]) => text);

    expect(named.filter((text) => !reference.includes(text))).toStrictEqual([]);
  });
});
