import { globSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const READS_ENVIRONMENT =
  /process\s*(?:\.\s*|\[\s*['"])env\b|\benv\b[^;]*\}\s*=\s*process\b|from\s+'(?:node:)?process'/;

const readers = (pattern: string) =>
  globSync(pattern)
    .filter((file) => READS_ENVIRONMENT.test(readFileSync(file, 'utf8')))
    .toSorted();

describe('the environment', () => {
  it('is read by the settings and, for OTEL_*, by the bootstrap of telemetry alone', () => {
    const others = readers('src/**/*.ts').filter((file) => file !== 'src/telemetry/bootstrap.ts');

    expect(others).toEqual(['src/config/load-settings.ts']);
  });

  it('is read for OTEL_* alone by the bootstrap of telemetry', () => {
    const names = readers('src/telemetry/bootstrap.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/process\.env(?:\.|\[')(\w+)/g)].map(
        ([, name]) => name,
      ),
    );

    expect(names.filter((name) => name?.startsWith('OTEL_') !== true)).toEqual([]);
  });

  it.each([
    'process.env.PORT',
    "process['env']",
    'const { env } = process;',
    "import { env } from 'node:process';",
  ])('is found to be read by %s', (code) => {
    expect(READS_ENVIRONMENT.test(code)).toBe(true);
  });
});
