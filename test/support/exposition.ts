/** What led to a sample: a trace. */
export interface ExpositionExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/** One sample of a scrape; the value as a number. */
export interface ExpositionSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** In OpenMetrics only. */
  readonly exemplar?: ExpositionExemplar;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ExpositionSample[];
}

interface OpenFamily extends MetricFamily {
  readonly samples: ExpositionSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)(?: # \{(.*)\} (\S+)(?: (\S+))?)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/y;
const VALUE = /^(?:NaN|[+-]Inf|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/;
const TYPES = new Set(['counter', 'gauge', 'histogram']);
/** Of the names and values of an exemplar's labels together, as OpenMetrics 1.0 has it. */
const LONGEST_EXEMPLAR = 128;

/**
 * Parses a scrape and refuses what a strict reader may refuse: families that are split or named
 * twice, samples of another name or type, series that occur twice, wrong suffixes, counters below 0,
 * histograms whose buckets are unordered, not cumulative, or do not end with `+Inf` equal to the count,
 * exemplars where none may be, too long ones, and those outside of their bucket.
 */
export function parseExposition(body: string, format: 'text' | 'openmetrics'): MetricFamily[] {
  const families: OpenFamily[] = [];
  const names = new Set<string>();
  const series = new Set<string>();
  let help: readonly [string, string] | undefined;
  for (const line of linesOf(body, format)) {
    const [, keyword, name = '', text = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      help = [name, text];
    } else if (keyword === 'TYPE') {
      check(help?.[0] === name, line, 'type without its help');
      check(NAME.test(name) && !names.has(name), line, 'name is wrong or was there already');
      check(TYPES.has(text), line, 'unknown type');
      names.add(name);
      families.push({ name, type: text, help: help?.[1] ?? '', samples: [] });
    } else {
      const family = families.at(-1);
      const sample = parseSample(line, format);
      check(family !== undefined && help?.[0] === family.name, line, 'sample without family');
      check(suffixesOf(family, format).includes(sample.name), line, 'sample of another family');
      check(family.type === 'gauge' || sample.value >= 0, line, 'less than nothing was counted');
      check(
        sample.exemplar === undefined || /_(?:bucket|total)$/.test(sample.name),
        line,
        'exemplar of what has none',
      );
      const key = `${sample.name} ${keyOf(sample.labels)}`;
      check(!series.has(key), line, 'series occurs twice');
      series.add(key);
      family.samples.push(sample);
    }
  }
  for (const family of families.filter(({ type }) => type === 'histogram')) {
    checkHistogram(family, format);
  }
  return families;
}

function check(condition: boolean, line: string, fault: string): asserts condition {
  if (!condition) {
    throw new Error(`${fault}: ${line}`);
  }
}

function linesOf(body: string, format: 'text' | 'openmetrics'): string[] {
  check(body.endsWith('\n'), body.slice(-80), 'no line break at the end');
  const lines = body.slice(0, -1).split('\n');
  if (format === 'text') {
    return lines.filter((line) => line !== '');
  }
  check(lines.pop() === '# EOF', body.slice(-80), 'no end mark');
  check(!lines.includes(''), '', 'empty line');
  return lines;
}

function parseSample(line: string, format: 'text' | 'openmetrics'): ExpositionSample {
  const [, name = '', inner = '', value = '', exemplar, ...rest] = SAMPLE.exec(line) ?? [];
  check(VALUE.test(value), line, 'no sample');
  const sample = { name, labels: parseLabels(inner, line), value: numberOf(value) };
  if (exemplar === undefined) {
    return sample;
  }
  check(format === 'openmetrics', line, 'the text format has no exemplars');
  const [measured = '', time = ''] = rest;
  check(VALUE.test(measured), line, 'exemplar without a value');
  const timestamp = Number(time);
  check(timestamp > 1e9 && timestamp < 1e10, line, 'exemplar without its second');
  const labels = parseLabels(exemplar, line);
  const length = Object.entries(labels).flat().join('').length;
  check(length <= LONGEST_EXEMPLAR, line, 'exemplar is too long');
  return { ...sample, exemplar: { labels, value: numberOf(measured), timestamp } };
}

function parseLabels(inner: string, line: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const [, label = '', text = ''] = LABEL.exec(inner) ?? [];
    check(label !== '' && !(label in labels), line, 'wrong labels');
    labels[label] = text.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

function suffixesOf({ name, type }: MetricFamily, format: 'text' | 'openmetrics'): string[] {
  switch (type) {
    case 'histogram':
      return [`${name}_bucket`, `${name}_sum`, `${name}_count`];
    case 'counter':
      if (format === 'openmetrics') {
        check(!name.endsWith('_total'), name, 'family of a counter named _total');
        return [`${name}_total`];
      }
      check(name.endsWith('_total'), name, 'counter not named _total');
      return [name];
    default:
      return [name];
  }
}

function checkHistogram(family: MetricFamily, format: 'text' | 'openmetrics'): void {
  const groups = Map.groupBy(family.samples, ({ labels }) => keyOf(labels, 'le'));
  for (const [key, samples] of groups) {
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) => labels['le'] ?? '');
    const count = samples.find(({ name }) => name.endsWith('_count'))?.value;
    const numbers = bounds.map(numberOf);
    check(isAscending(numbers), family.name, `buckets unordered at ${key}`);
    check(
      buckets.every(({ value }, at) => at === 0 || value >= (buckets[at - 1]?.value ?? 0)),
      family.name,
      `buckets not cumulative at ${key}`,
    );
    check(
      buckets.every(({ exemplar }, at) => {
        const [above = -Infinity, upTo = 0] = [numbers[at - 1], numbers[at]];
        return exemplar === undefined || (exemplar.value > above && exemplar.value <= upTo);
      }),
      family.name,
      `exemplar outside of its bucket at ${key}`,
    );
    check(bounds.at(-1) === '+Inf', family.name, `no +Inf at ${key}`);
    check(buckets.at(-1)?.value === count, family.name, `+Inf is not the count at ${key}`);
    check(
      format === 'text' || bounds.every((bound) => bound === '+Inf' || bound.includes('.')),
      family.name,
      `bounds are not canonical at ${key}`,
    );
  }
}

/** The same for the same labels in any order. */
function keyOf(labels: Readonly<Record<string, string>>, without?: string): string {
  return Object.entries(labels)
    .filter(([name]) => name !== without)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .toSorted((one, other) => (one < other ? -1 : 1))
    .join();
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0));
}
