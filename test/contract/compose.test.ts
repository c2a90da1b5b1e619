import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface ComposeService {
  readonly image?: string;
  readonly build?: string | { readonly args?: Readonly<Record<string, string>> };
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly logging?: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
  };
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<
    Record<string, { readonly condition: string; readonly required?: boolean }>
  >;
}

const { services, volumes } = parse(readFileSync('docker-compose.yml', 'utf8'), {
  merge: true,
}) as {
  services: Readonly<Record<'database' | 'migrate' | 'service', ComposeService>>;
  volumes: Readonly<Record<string, null>>;
};
const all: readonly (readonly [string, ComposeService])[] = Object.entries(services);
const observing = all.filter(([, { profiles = [] }]) => profiles.length > 0);
const names = new Set(all.map(([name]) => name));
/** Without it nobody has output to collect, and nobody to wait for. */
const collected = { condition: 'service_healthy', required: false };

/** What is mounted from the project, and the named volumes. */
const sources = all.flatMap(([, { volumes: mounts = [] }]) =>
  mounts.map((mount) => mount.split(':')[0] ?? ''),
);

interface LintMessage {
  readonly type: string;
  readonly line: number;
  readonly message: string;
}

/** Lints a compose file and returns what the specification's schema or a rule refuses. */
function errorsOf(file: string): readonly string[] {
  const linter = new DCLinter({
    rules: {},
    quiet: true,
    debug: false,
    exclude: [],
    disabledRules: [],
  });
  const results: readonly { readonly messages: readonly LintMessage[] }[] = linter.lintFiles(
    [file],
    false,
  );
  return results
    .flatMap(({ messages }) => messages)
    .filter(({ type }) => type === 'error')
    .map(({ line, message }) => `${line}: ${message}`);
}

describe('docker-compose.yml', () => {
  it('satisfies the compose specification', () => {
    expect(errorsOf('docker-compose.yml')).toStrictEqual([]);
  });

  it('would be refused with a key that the specification does not know', () => {
    const folder = mkdtempSync(join(tmpdir(), 'compose-'));
    const file = join(folder, 'docker-compose.yml');
    writeFileSync(
      file,
      readFileSync('docker-compose.yml', 'utf8').replace('restart:', 'restarts:'),
    );

    const errors = errorsOf(file);
    rmSync(folder, { recursive: true });

    expect(errors.join()).toContain('must NOT have additional properties');
  });

  it('publishes every port on loopback only', () => {
    const ports = all.flatMap(([, { ports = [] }]) => ports);

    expect(ports).toHaveLength(7);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toStrictEqual([]);
  });

  it('names an exact version of every image', () => {
    const images = all.map(([, { image, build }]) =>
      typeof build === 'object' ? (build.args?.['IMAGE'] ?? '') : (image ?? ''),
    );
    const bases = [
      ...readFileSync('deploy/probe.Dockerfile', 'utf8').matchAll(/^FROM ([^$\s]+)/gm),
    ];
    const exact = /:v?\d+[\w.-]*$/;

    expect(images).toHaveLength(9);
    expect(bases).toHaveLength(1);
    expect(
      [...images, ...bases.map(([, image = '']) => image)].filter((image) => !exact.test(image)),
    ).toStrictEqual([]);
  });

  it('keeps row values out of the log of PostgreSQL, and has it count statements', () => {
    expect(services.database.command).toStrictEqual([
      'postgres',
      '-c',
      'log_parameter_max_length=0',
      '-c',
      'log_error_verbosity=terse',
      '-c',
      'shared_preload_libraries=pg_stat_statements',
    ]);
  });

  it('checks the health of what keeps running', () => {
    expect(services.database.healthcheck?.test?.slice(0, 2)).toStrictEqual(['CMD', 'pg_isready']);
    expect(services.service.healthcheck?.test?.join(' ')).toContain('/readyz');
    expect(services.migrate.healthcheck?.disable).toBe(true);

    const unchecked = all.filter(
      ([name, { healthcheck }]) => name !== 'migrate' && healthcheck?.test?.[0] !== 'CMD',
    );

    expect(unchecked).toStrictEqual([]);
  });

  it('waits only for services that there are, until they are healthy or done', () => {
    const awaited = all.flatMap(([, { depends_on: others = {} }]) => Object.entries(others));
    const wrong = awaited.filter(
      ([name, { condition }]) =>
        !names.has(name) ||
        !['service_healthy', 'service_completed_successfully'].includes(condition),
    );

    expect(awaited.length).toBeGreaterThan(10);
    expect(wrong).toStrictEqual([]);
  });

  it('mounts only what is there, for reading alone, and volumes that are declared', () => {
    const files = sources.filter((source) => source.startsWith('./'));
    const named = sources.filter((source) => !source.startsWith('./'));
    const writable = all.flatMap(([, { volumes: mounts = [] }]) =>
      mounts.filter((mount) => mount.startsWith('./') && !mount.endsWith(':ro')),
    );

    expect(files.length).toBeGreaterThan(7);
    expect(files.filter((file) => !existsSync(file))).toStrictEqual([]);
    expect(named.toSorted()).toStrictEqual(Object.keys(volumes).toSorted());
    expect(writable).toStrictEqual([]);
  });

  it('starts what watches the service in a profile of its own', () => {
    expect(observing.map(([name]) => name)).toStrictEqual([
      'prometheus',
      'alertmanager',
      'tempo',
      'loki',
      'otel-collector',
      'grafana',
    ]);
    expect(new Set(observing.flatMap(([, { profiles }]) => profiles))).toStrictEqual(
      new Set(['observability']),
    );
  });

  it('lets the profile collect traces and output, by the variables of one file', () => {
    const variables = Object.fromEntries(
      readFileSync('deploy/observability.env', 'utf8')
        .split('\n')
        .filter((line) => /^\w/.test(line))
        .map((line) => line.split('=')),
    ) as Readonly<Record<string, string>>;
    const endpoint = services.service.environment?.['OTEL_EXPORTER_OTLP_ENDPOINT'];

    expect(variables).toStrictEqual({
      COMPOSE_PROFILES: 'observability',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector:4318',
      LOG_DRIVER: 'fluentd',
    });
    expect(endpoint).toBe('${OTEL_EXPORTER_OTLP_ENDPOINT:-}');
    expect(
      [services.database, services.migrate, services.service].map(({ logging }) => logging),
    ).toStrictEqual(
      Array.from({ length: 3 }, () => ({
        driver: '${LOG_DRIVER:-json-file}',
        options: { mode: 'non-blocking', 'max-buffer-size': '4m' },
      })),
    );
  });

  it('migrates once before the service starts', () => {
    expect(services.migrate.command).toStrictEqual(['node', 'src/cli/migrate.ts']);
    expect(services.database.depends_on).toStrictEqual({ 'otel-collector': collected });
    expect(services.service.depends_on).toStrictEqual({
      'otel-collector': collected,
      database: { condition: 'service_healthy' },
      migrate: { condition: 'service_completed_successfully' },
    });
  });

  it('runs the service on a read-only file system', () => {
    expect(services.service.read_only).toBe(true);
    expect(services.migrate.read_only).toBe(true);
  });
});
