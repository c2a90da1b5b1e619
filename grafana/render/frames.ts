import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createDataFrame,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  FieldType,
  identityOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  ThresholdsMode,
  transformDataFrame,
} from '@grafana/data';
import type {
  DataFrame,
  FieldConfigPropertyItem,
  FieldConfigSource,
  GrafanaTheme2,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import type { Panel } from './dashboard.ts';
import type { Answer, Series } from './drawing.ts';

const Nothing = () => null;

standardTransformersRegistry.setInit(() =>
  // By id: an old name of one of them is still in the list, under the new id.
  Array.from(
    new Map(Object.values(standardTransformers).map((info) => [info.id, info])).values(),
    (info) => ({
      ...info,
      transformation: () => Promise.resolve(info),
      editor: Nothing,
      imageDark: '',
      imageLight: '',
    }),
  ),
);

/** What Grafana's own time series panel takes where a dashboard says nothing. */
const SERIES_DEFAULTS = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  spanNulls: false,
  showPoints: 'auto',
  pointSize: 5,
  axisPlacement: 'auto',
  axisGridShow: true,
};

/** A panel's data as its visualisation gets it in Grafana: transformed, named, with units and colours. */
export async function framesOf(
  panel: Panel,
  answers: readonly Answer[],
  theme: GrafanaTheme2,
  replaceVariables: (text: string) => string,
): Promise<DataFrame[]> {
  const isAlone = answers.length === 1;
  const raw = answers.flatMap((answer) => {
    if (answer.format === 'table') return [tableOf(answer, isAlone)];
    const series = answer.format === 'heatmap' ? bucketsOf(answer.series) : answer.series;
    return series.map((one) => seriesOf(answer, one, replaceVariables));
  });
  const filled = raw.filter(({ length }) => length > 0);
  const data = await lastValueFrom(
    transformDataFrame([...(panel.transformations ?? [])], filled, {
      interpolate: replaceVariables,
    }),
  );

  const fieldConfig = withDefaults(panel);
  const frames = applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: registryOf(fieldConfig),
    replaceVariables,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(frames);
  return frames;
}

/** The panel's field options over those that Grafana's panels start with. */
export function withDefaults({ type, fieldConfig }: Panel): FieldConfigSource {
  const given = fieldConfig?.defaults ?? {};
  const isSeries = type === 'timeseries';
  const { mode = ThresholdsMode.Absolute, steps = DEFAULT_STEPS } = given.thresholds ?? {};
  return {
    defaults: {
      color: { mode: isSeries ? 'palette-classic' : 'thresholds' },
      ...given,
      // JSON has no -Infinity: the base step is null there.
      thresholds: {
        mode,
        steps: steps.map((step) => ({ ...step, value: step.value ?? -Infinity })),
      },
      custom: { ...(isSeries ? SERIES_DEFAULTS : {}), ...given.custom },
    },
    overrides: fieldConfig?.overrides ?? [],
  };
}

const DEFAULT_STEPS = [
  { value: null, color: 'green' },
  { value: 80, color: 'red' },
];

const STANDARD = [
  'unit',
  'min',
  'max',
  'decimals',
  'displayName',
  'color',
  'thresholds',
  'mappings',
  'noValue',
  'links',
  'fieldMinMax',
];

/** Grafana builds this list of options from its editors; ours holds what the panel uses. */
function registryOf({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const set = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const custom = Object.keys(defaults.custom ?? {}).map((key) => `custom.${key}`);
  const ids = new Set([...STANDARD, ...custom, ...set]);
  return new FieldConfigOptionsRegistry(() =>
    Array.from(ids, (id): FieldConfigPropertyItem => {
      const path = id.replace(/^custom\./, '');
      return {
        id,
        path,
        name: path,
        description: '',
        isCustom: path !== id,
        editor: Nothing,
        override: Nothing,
        process: id === 'displayName' ? displayNameOverrideProcessor : identityOverrideProcessor,
        shouldApply: () => true,
      };
    }),
  );
}

function seriesOf(
  { refId, expr, legend, stepMs }: Answer,
  { metric, values }: Series,
  replaceVariables: (text: string) => string,
): DataFrame {
  const name = nameOf(metric, legend === undefined ? '' : replaceVariables(legend), expr);
  return createDataFrame({
    refId,
    ...(name === undefined ? {} : { name }),
    fields: [
      {
        name: 'Time',
        type: FieldType.time,
        values: values.map(([seconds]) => seconds * 1000),
        config: { interval: stepMs },
      },
      {
        name: 'Value',
        type: FieldType.number,
        values: values.map(([, value]) => numberOf(value)),
        labels: { ...metric },
        config: name === undefined ? {} : { displayNameFromDS: name },
      },
    ],
  });
}

/** As Grafana's Prometheus data source names series; undefined leaves it to the labels that differ. */
function nameOf(metric: Series['metric'], legend: string, expr: string): string | undefined {
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels);
  if (legend === '__auto') return pairs.length === 0 ? name || expr : undefined;
  if (legend !== '') {
    return legend.replaceAll(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const braces = pairs.map(([label, value]) => `${label}="${value}"`).join(', ');
  return name === '' && braces === '' ? expr : `${name}{${braces}}`;
}

function tableOf({ refId, series }: Answer, isAlone: boolean): DataFrame {
  const rows = series.flatMap(({ metric, values }) =>
    values.map(([seconds, value]) => ({ metric, seconds, value })),
  );
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].toSorted();
  return createDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: rows.map(({ seconds }) => seconds * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: rows.map(({ metric }) => metric[label] ?? ''),
      })),
      {
        name: isAlone ? 'Value' : `Value #${refId}`,
        type: FieldType.number,
        values: rows.map(({ value }) => numberOf(value)),
      },
    ],
  });
}

/** Takes from every bucket of a histogram what the bucket below it already counts. */
function bucketsOf(series: readonly Series[]): Series[] {
  const sorted = series.toSorted((a, b) => boundOf(a) - boundOf(b));
  return sorted.map(({ metric, values }, index) => {
    const below = new Map(sorted[index - 1]?.values);
    return {
      metric,
      values: values.map(([seconds, value]) => [
        seconds,
        String(Math.max(0, Number(value) - Number(below.get(seconds) ?? 0))),
      ]),
    };
  });
}

function boundOf({ metric }: Series): number {
  return numberOf(metric['le'] ?? '') ?? Infinity;
}

/** Null where there is no finite number to draw. */
function numberOf(text: string): number | null {
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? value : null;
}
