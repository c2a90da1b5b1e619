import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboardFiles } from '#grafana/dashboards.ts';
import { UIDS } from '#grafana/links.ts';
import { readDashboards } from '#test/support/dashboards/dashboard-json.ts';

const made = dashboardFiles();

describe('the dashboards that Grafana reads', () => {
  it('are those that grafana/src makes, and no others', () => {
    const found = globSync('grafana/dashboards/*').map((file) => basename(file));

    expect(found.toSorted()).toStrictEqual([...made.keys()].toSorted());
  });

  it.for([...made.keys()])('%s is what npm run dashboards writes', (file) => {
    expect(readFileSync(`grafana/dashboards/${file}`, 'utf8')).toBe(made.get(file));
  });

  it('have the uids that links lead to', () => {
    const uids = [...readDashboards()].map(([name, { uid }]) => [name, uid]);

    expect(Object.fromEntries(uids)).toStrictEqual(UIDS);
  });

  it('link to panels and dashboards that exist', () => {
    const links = [...readDashboards().values()].flatMap(({ panels }) =>
      panels.flatMap((panel) => (panel.links ?? []).map(({ url }) => url)),
    );
    const known = new Set<string>(Object.values(UIDS));

    expect(links.length).toBeGreaterThan(0);
    expect(
      links.filter((url) => !known.has(/^\/d\/([\w-]+)\?/.exec(url)?.[1] ?? '')),
    ).toStrictEqual([]);
  });
});
