import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** One module of each column of the matrix in docs/architecture.md, and of each kind of vendor. */
const MODULES = {
  'exit codes of commands': '#cli/told-exit-code.ts',
  config: '#config/settings.ts',
  'reader of URLs': '#config/parse-database-url.ts',
  lifecycle: '#lifecycle/closers.ts',
  database: '#database/pool/pool.ts',
  sql: '#sql/statement-tokens.ts',
  'session manager': '#database/session-manager.ts',
  'database errors': '#database/database-error.ts',
  telemetry: '#telemetry/logger.ts',
  'metric catalogue': '#telemetry/metric-catalogue.ts',
  application: '#http/app.ts',
  routes: '#http/route.ts',
  'another feature': '#features/teams/team-service.ts',
  'entity of another feature': '#features/teams/team.entity.ts',
  entities: '#entities.ts',
  service: '#service.ts',
  migrations: '#migrations/Migration20260101000000_first.ts',
  dashboards: '#grafana/dashboards.ts',
  bench: '#bench/run-bench.ts',
  tests: '#test/support/test-database.ts',
  pino: 'pino',
  'prom-client': 'prom-client',
  opentelemetry: '@opentelemetry/api',
  express: 'express',
  'mikro-orm': '@mikro-orm/postgresql',
  kysely: 'kysely',
  pg: 'pg',
} as const;
type Module = keyof typeof MODULES;

interface Rights {
  /** What may be imported. */
  readonly values: readonly Module[];
  /** What may be imported with `import type` only. */
  readonly types?: readonly Module[];
}

const CONFIG: readonly Module[] = ['config', 'reader of URLs'];
const DATABASE: readonly Module[] = ['database', 'session manager', 'database errors'];
const TELEMETRY: readonly Module[] = ['telemetry', 'metric catalogue'];
const TELEMETRY_VENDORS: readonly Module[] = ['pino', 'prom-client', 'opentelemetry'];
const ORM: readonly Module[] = ['mikro-orm', 'kysely'];
const VENDORS: readonly Module[] = [...TELEMETRY_VENDORS, ...ORM, 'pg', 'express'];

/** A file of each row of the matrix. What is not listed is forbidden. */
const MATRIX: Readonly<Record<string, Rights>> = {
  'src/config/planted.ts': { values: [...CONFIG, 'lifecycle'] },
  'src/lifecycle/planted.ts': { values: [...CONFIG, 'lifecycle'] },
  'src/sql/planted.ts': { values: ['sql'] },
  'src/database/planted.ts': {
    values: [...DATABASE, 'reader of URLs', 'sql', ...ORM, 'pg'],
    types: ['config'],
  },
  'src/database/embedded/planted.ts': {
    values: [...DATABASE, 'reader of URLs', 'sql', ...ORM, 'pg'],
    types: ['config'],
  },
  'src/telemetry/planted.ts': {
    values: ['sql', ...TELEMETRY, ...TELEMETRY_VENDORS],
    types: [...CONFIG, ...DATABASE],
  },
  'src/telemetry/bootstrap.ts': {
    values: [...CONFIG, ...TELEMETRY, ...VENDORS],
  },
  'src/http/planted.ts': {
    values: ['session manager', 'database errors', 'application', 'routes', 'express'],
    types: [...CONFIG, 'database', ...TELEMETRY],
  },
  'src/features/users/planted.ts': {
    values: [...DATABASE, 'routes', 'entity of another feature', ...ORM],
    types: [...TELEMETRY],
  },
  'src/entities.ts': { values: ['entity of another feature', ...VENDORS] },
  'src/service.ts': {
    values: [
      ...CONFIG,
      ...(['lifecycle', 'sql', ...DATABASE, ...TELEMETRY, 'application', 'routes'] as const),
      ...(['another feature', 'entity of another feature', 'entities', 'service'] as const),
      ...VENDORS,
    ],
  },
  'src/main.ts': { values: [...CONFIG, 'lifecycle', 'service', ...VENDORS] },
  'src/cli/planted.ts': {
    values: [
      'exit codes of commands',
      ...CONFIG,
      'lifecycle',
      ...DATABASE,
      'entities',
      'service',
      ...VENDORS,
    ],
  },
  'mikro-orm.config.ts': {
    values: ['exit codes of commands', ...CONFIG, ...DATABASE, 'entities', ...VENDORS],
  },
  'migrations/Migration20260101000000_first.ts': { values: VENDORS },
  'grafana/src/planted.ts': { values: ['metric catalogue'] },
  'test/unit/planted.test.ts': { values: Object.keys(MODULES) as Module[] },
};

/** Habits beside the matrix: a file, one line of it, and the rule that refuses the line. */
const HABITS = [
  {
    habit: 'a parent folder is not imported',
    file: 'src/http/parent.ts',
    line: "import '../service.ts';",
    rule: 'import(no-relative-parent-imports)',
  },
  {
    habit: 'a folder below is imported by its # name',
    file: 'src/http/below.ts',
    line: "import './middleware/access-log.ts';",
    rule: 'eslint(no-restricted-imports)',
  },
  {
    habit: 'the environment is read in src/config only',
    file: 'src/database/environment.ts',
    line: 'export const url = process.env.DATABASE_URL;',
    rule: 'node(no-process-env)',
  },
  {
    habit: 'the environment does not come in through the process module',
    file: 'src/http/environment.ts',
    line: "import { env } from 'node:process';",
    rule: 'eslint(no-restricted-imports)',
  },
  {
    habit: 'a dynamic import is held to the same border',
    file: 'src/database/dynamic.ts',
    line: "export const app = await import('#http/app.ts');",
    rule: 'eslint(no-restricted-imports)',
  },
  {
    habit: 'an export from another module is held to the same border',
    file: 'src/database/exported.ts',
    line: "export { app } from '#http/app.ts';",
    rule: 'eslint(no-restricted-imports)',
  },
  {
    habit: 'exports have names',
    file: 'src/http/default.ts',
    line: 'export default 1;',
    rule: 'import(no-default-export)',
  },
  {
    habit: 'files are named in kebab case',
    file: 'src/http/camelCase.ts',
    line: 'export const one = 1;',
    rule: 'unicorn(filename-case)',
  },
  {
    habit: 'the console is not written to',
    file: 'src/http/console.ts',
    line: "console.log('hello');",
    rule: 'eslint(no-console)',
  },
  {
    habit: 'any is no type',
    file: 'src/http/any.ts',
    line: 'export const value: any = 1;',
    rule: 'typescript(no-explicit-any)',
  },
  {
    habit: 'absence is not asserted away',
    file: 'src/http/bang.ts',
    line: 'export const first = (list: string[]) => list[0]!.length;',
    rule: 'typescript(no-non-null-assertion)',
  },
  {
    habit: 'types are not asserted',
    file: 'src/http/as.ts',
    line: 'export const text = JSON.parse("1") as string;',
    rule: 'typescript(consistent-type-assertions)',
  },
] as const;

/** The same lines where they are allowed. */
const PERMITTED = [
  { file: 'src/config/environment.ts', line: 'export const url = process.env.DATABASE_URL;' },
  { file: 'knip.config.ts', line: 'export default 1;' },
  { file: 'migrations/Migration20260101000001_second.ts', line: 'export const one = 1;' },
  { file: 'src/http/literal.ts', line: 'export const list = [1] as const;' },
] as const;

/** Every module twice: as a value and as a type. */
const IMPORTS = Object.entries(MODULES).flatMap(([module, specifier], index) => [
  { cell: module, line: `import { value${index} } from '${specifier}';` },
  { cell: `types of ${module}`, line: `import type { Type${index} } from '${specifier}';` },
]);

const ROWS = Object.entries(MATRIX).map(([file, { values, types = [] }]) => {
  const allowed = new Set<string>([
    ...values,
    ...[...values, ...types].map((module) => `types of ${module}`),
  ]);
  return { file, forbidden: IMPORTS.map(({ cell }) => cell).filter((cell) => !allowed.has(cell)) };
});

/** What the linter says of the planted tree: rules by `file:line`. */
let reports: ReadonlyMap<string, readonly string[]>;
let tree: string;

function plant(file: string, lines: readonly string[]): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), `${lines.join('\n')}\n`);
}

function lint(): ReadonlyMap<string, readonly string[]> {
  const result = spawnSync(
    process.execPath,
    [resolve('node_modules/oxlint/bin/oxlint'), '-f', 'json', '.'],
    { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const { diagnostics } = JSON.parse(result.stdout) as {
    diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
  };
  const found = new Map<string, string[]>();
  for (const { code, filename, labels } of diagnostics) {
    const where = `${filename}:${labels[0]?.span.line ?? 1}`;
    found.set(where, [...(found.get(where) ?? []), code]);
  }
  return found;
}

beforeAll(() => {
  tree = mkdtempSync(join(realpathSync(tmpdir()), 'borders-'));
  copyFileSync('.oxlintrc.json', join(tree, '.oxlintrc.json'));
  for (const file of Object.keys(MATRIX)) {
    plant(
      file,
      IMPORTS.map(({ line }) => line),
    );
  }
  for (const { file, line } of [...HABITS, ...PERMITTED]) {
    plant(file, [line]);
  }
  reports = lint();
});

afterAll(() => {
  rmSync(tree, { recursive: true, force: true });
});

describe('the import matrix', () => {
  it.for(ROWS)('$file is refused exactly the imports its row forbids', ({ file, forbidden }) => {
    const refused = IMPORTS.filter((_, index) =>
      reports.get(`${file}:${index + 1}`)?.includes('eslint(no-restricted-imports)'),
    );

    expect(refused.map(({ cell }) => cell)).toStrictEqual(forbidden);
  });
});

describe('the habits of the house', () => {
  it.for(HABITS)('$habit', ({ file, rule }) => {
    expect(reports.get(`${file}:1`) ?? []).toContain(rule);
  });

  it.for(PERMITTED)('$file may say: $line', ({ file }) => {
    expect(reports.get(`${file}:1`) ?? []).toStrictEqual([]);
  });
});
