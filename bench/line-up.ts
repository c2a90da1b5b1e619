import { fileURLToPath } from 'node:url';
import type { Contestant } from './contestant.ts';

/** The contestant that every other one is compared with. */
export const BASELINE = 'd';

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const program = (name: string) => pathOf(`contestants/${name}.ts`);

const STOCK = ['--import', program('stock-instrumentation'), program('stock')];

/** `npm start`, past npm. */
const SERVICE = ['--import', pathOf('../src/telemetry/bootstrap.ts'), pathOf('../src/main.ts')];

const SERVICE_TITLE = 'this service, everything on';
const STOCK_TITLE = 'Express + MikroORM, stock instrumentations, pino-http, prom-client';

/** Sampling as OpenTelemetry's variables say it. Spans leave twice a second, so that a block pays for its own. */
const sampled = (ratio: string) => ({
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: ratio,
  OTEL_BSP_SCHEDULE_DELAY: '500',
});

const service = (
  suffix: string,
  tracing: NonNullable<Contestant['tracing']>,
  env: Readonly<Record<string, string>> = {},
): Contestant => ({
  key: `a-${suffix}`,
  title: SERVICE_TITLE,
  tracing,
  command: SERVICE,
  env,
  isScraped: true,
});

const stock = (suffix: string, tracing: '1 %' | '100 %', ratio: string): Contestant => ({
  key: `c-${suffix}`,
  title: STOCK_TITLE,
  tracing,
  command: STOCK,
  env: sampled(ratio),
  isScraped: true,
});

const plain = (key: string, title: string, name: string): Contestant => ({
  key,
  title,
  tracing: undefined,
  command: [program(name)],
  env: {},
  isScraped: false,
});

/** Everybody who takes part, in the order of the tables. */
export const LINE_UP: readonly Contestant[] = [
  service('off', 'off'),
  service('1', '1 %', sampled('0.01')),
  service('100', '100 %', sampled('1')),
  service('100-sql', '100 % + SQL comments', { ...sampled('1'), DB_SQL_COMMENTER: 'true' }),
  {
    ...plain('b', 'this service, telemetry off', 'service-without-telemetry'),
    env: { LOG_LEVEL: 'silent' },
  },
  // Without tracing nobody loads the instrumentations.
  {
    ...plain('c-off', STOCK_TITLE, 'stock'),
    tracing: 'off',
    isScraped: true,
  },
  stock('1', '1 %', '0.01'),
  stock('100', '100 %', '1'),
  plain('d', 'Express + MikroORM, no observability', 'express-mikro-orm'),
  plain('e', 'Express + pg, no observability', 'express-pg'),
  plain('f', 'Fastify + pg, no observability', 'fastify-pg'),
];

/** Those that one of `names` means: a key, or the letter of its kind. Throws for a name that means nobody. */
export function chosenFrom(
  lineUp: readonly Contestant[],
  names: readonly string[],
): readonly Contestant[] {
  const isMeant = (name: string) => (key: string) => key === name || key.split('-')[0] === name;
  const unknown = names.filter((name) => !lineUp.some(({ key }) => isMeant(name)(key)));
  if (unknown.length > 0) {
    throw new RangeError(
      `no such contestant: ${unknown.join(', ')}; there are ${lineUp.map(({ key }) => key).join(', ')}`,
    );
  }
  return lineUp.filter(({ key }) => names.some((name) => isMeant(name)(key)));
}
