import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readRuleGroups } from '#test/support/alerts/rule-groups.ts';

/** A file of the profile `observability`, without comments. */
function read<T>(file: string): T {
  return parse(readFileSync(file, 'utf8')) as T;
}

interface Route {
  readonly receiver?: string;
  readonly matchers?: readonly string[];
  readonly routes?: readonly Route[];
}

const alertmanager = read<{
  readonly route: Route;
  readonly receivers: readonly {
    readonly name: string;
    readonly webhook_configs: readonly { readonly url: string }[];
  }[];
  readonly inhibit_rules: readonly {
    readonly source_matchers: readonly string[];
    readonly target_matchers: readonly string[];
    readonly equal: readonly string[];
  }[];
}>('deploy/alertmanager/alertmanager.yml');

interface Pipeline {
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

const collector = read<{
  readonly receivers: Readonly<Record<string, { readonly endpoint?: string }>>;
  readonly processors: Readonly<Record<string, unknown>>;
  readonly exporters: Readonly<Record<string, { readonly endpoint: string }>>;
  readonly service: { readonly pipelines: Readonly<Record<string, Pipeline>> };
}>('deploy/otel-collector.yaml');

const { services } = read<{ readonly services: Readonly<Record<string, unknown>> }>(
  'docker-compose.yml',
);
const { alerts } = readRuleGroups();

describe('Alertmanager', () => {
  it('has every receiver that a route names, and no other', () => {
    const { route, receivers } = alertmanager;
    const named = [route, ...(route.routes ?? [])].map(({ receiver = '' }) => receiver);

    expect(receivers.map(({ name }) => name).toSorted()).toStrictEqual(named.toSorted());
  });

  it('tells receivers of the compose file, with no credentials', () => {
    const urls = alertmanager.receivers.flatMap(({ webhook_configs: hooks }) =>
      hooks.map(({ url }) => new URL(url)),
    );

    expect(urls).toHaveLength(3);
    expect(urls.filter(({ hostname }) => !Object.hasOwn(services, hostname))).toStrictEqual([]);
    expect(urls.filter(({ username, password }) => username + password !== '')).toStrictEqual([]);
  });

  it('silences alerts that there are by alerts that there are, of the same instance', () => {
    const matches = (matcher: string) => {
      const [, label = '', operator, value = ''] = /^(\w+)(=~?)"(.+)"$/.exec(matcher) ?? [];
      return alerts.filter(({ alert, labels }) => {
        const own = label === 'alertname' ? alert : (labels[label] ?? '');
        return operator === '=' ? own === value : new RegExp(`^(?:${value})$`).test(own);
      });
    };
    const [down, unreachable] = alertmanager.inhibit_rules.map(
      ({ source_matchers: sources, target_matchers: targets }) => ({
        sources: sources.flatMap(matches).map(({ alert }) => alert),
        targets: new Set(targets.flatMap(matches).map(({ alert }) => alert)),
      }),
    );

    expect(alertmanager.inhibit_rules.map(({ equal }) => equal)).toStrictEqual([
      ['job', 'instance'],
      ['job', 'instance'],
    ]);
    expect(down?.sources).toStrictEqual(['ServiceDown']);
    expect(down?.targets).toContain('NodeHeapNearLimit');
    expect(unreachable?.sources).toStrictEqual(['DbUnreachable']);
    expect(unreachable?.targets).toContain('DbPoolSaturated');
    expect(unreachable?.targets).not.toContain('DbConnectFailures');
  });
});

describe('the collector', () => {
  const pipelines = Object.entries(collector.service.pipelines);

  it('has every part that a pipeline names, and no other', () => {
    const named = (kind: keyof Pipeline) =>
      [...new Set(pipelines.flatMap(([, pipeline]) => pipeline[kind]))].toSorted();

    expect(Object.keys(collector.receivers).toSorted()).toStrictEqual(named('receivers'));
    expect(Object.keys(collector.processors).toSorted()).toStrictEqual(named('processors'));
    expect(Object.keys(collector.exporters).toSorted()).toStrictEqual(named('exporters'));
  });

  it('exports to services of the compose file', () => {
    const hosts = Object.values(collector.exporters).map(
      ({ endpoint }) => new URL(endpoint).hostname,
    );

    expect(hosts.toSorted()).toStrictEqual(['loki', 'tempo']);
    expect(hosts.filter((host) => !Object.hasOwn(services, host))).toStrictEqual([]);
  });

  it('listens where Alertmanager tells', () => {
    const { endpoint } = collector.receivers['webhookevent'] ?? {};
    const [url = ''] = alertmanager.receivers[0]?.webhook_configs.map((hook) => hook.url) ?? [];

    expect(endpoint?.split(':')[1]).toBe(new URL(url).port);
  });
});

interface Source {
  readonly uid: string;
  readonly type: string;
  readonly url: string;
  readonly jsonData: unknown;
}

describe('the data sources of Grafana', () => {
  const text = readFileSync('grafana/provisioning/datasources/tidegauge.yml', 'utf8');
  const { datasources } = parse(text) as { readonly datasources: readonly Source[] };

  it('are the three that the dashboards know, each a service of the compose file', () => {
    const uids = datasources.map(({ uid }) => uid);

    expect(uids).toStrictEqual(['prometheus', 'tempo', 'loki']);
    expect(datasources.map(({ type }) => type)).toStrictEqual(uids);
    expect(datasources.map(({ url }) => new URL(url).hostname)).toStrictEqual(uids);
  });

  it('lead from exemplar to trace, from trace to line and from line to trace', () => {
    const [prometheus, tempo, loki] = datasources.map(({ jsonData }) => jsonData);

    expect(prometheus).toMatchObject({
      exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: 'tempo' }],
    });
    expect(tempo).toMatchObject({
      tracesToLogsV2: { datasourceUid: 'loki', customQuery: true },
    });
    expect(loki).toMatchObject({
      derivedFields: [{ name: 'trace_id', datasourceUid: 'tempo', url: '$${__value.raw}' }],
    });
  });

  it('find the trace in a line as the service writes it', () => {
    const pattern = /matcherRegex: '(.+)'/.exec(text)?.[1] ?? '';
    const line = JSON.stringify({
      event: 'http.request',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    });

    expect(new RegExp(pattern).exec(line)?.[1]).toBe('0af7651916cd43dd8448eb211c80319c');
  });

  it('hold every $ twice, since Grafana puts variables of the environment in', () => {
    expect(text.replaceAll('$$', '').replace(/^#.*$/gm, '')).not.toContain('$');
  });
});

describe('the dashboards that Grafana provides', () => {
  it('are read from where the compose file mounts them', () => {
    const { providers } = read<{
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    }>('grafana/provisioning/dashboards/tidegauge.yml');

    expect(readFileSync('docker-compose.yml', 'utf8')).toContain(
      `./grafana/dashboards:${providers[0]?.options.path}:ro`,
    );
  });
});
