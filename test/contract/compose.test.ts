import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface ComposeService {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Readonly<Record<'database' | 'migrate' | 'service', ComposeService>>;
};

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
    const ports = Object.values(services).flatMap(({ ports = [] }) => ports);

    expect(ports).toHaveLength(2);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toStrictEqual([]);
  });

  it('names an exact version of every image', () => {
    const images = Object.values(services).map(({ image }) => image ?? '');

    expect(images.filter((image) => !/:\d+[\w.-]*$/.test(image))).toStrictEqual([]);
  });

  it('keeps row values out of the log of PostgreSQL', () => {
    expect(services.database.command).toStrictEqual([
      'postgres',
      '-c',
      'log_parameter_max_length=0',
      '-c',
      'log_error_verbosity=terse',
    ]);
  });

  it('checks the health of what keeps running', () => {
    expect(services.database.healthcheck?.test?.slice(0, 2)).toStrictEqual(['CMD', 'pg_isready']);
    expect(services.service.healthcheck?.test?.join(' ')).toContain('/readyz');
    expect(services.migrate.healthcheck?.disable).toBe(true);
  });

  it('migrates once before the service starts', () => {
    expect(services.migrate.command).toStrictEqual(['node', 'src/cli/migrate.ts']);
    expect(services.service.depends_on).toStrictEqual({
      database: { condition: 'service_healthy' },
      migrate: { condition: 'service_completed_successfully' },
    });
  });

  it('runs the service on a read-only file system', () => {
    expect(services.service.read_only).toBe(true);
    expect(services.migrate.read_only).toBe(true);
  });
});
