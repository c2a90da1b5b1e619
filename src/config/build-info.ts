import { readFileSync } from 'node:fs';

/** Which build this is. */
export interface BuildInfo {
  readonly name: string;
  readonly version: string;
  /** Full hash, or `unknown` where the checkout's history is not at hand, as in an image. */
  readonly commit: string;
}

/** Reads name and version from package.json and the commit from git's own files. */
export function readBuildInfo(root: URL): BuildInfo {
  const info: unknown = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const field = (key: string): string => {
    const value: unknown =
      typeof info === 'object' && info !== null ? Reflect.get(info, key) : undefined;
    return typeof value === 'string' ? value : 'unknown';
  };
  return { name: field('name'), version: field('version'), commit: readCommit(root) };
}

/** How a release is told from others in one word: the version, and the commit where it is known. */
export function releaseOf({ version, commit }: Omit<BuildInfo, 'name'>): string {
  return commit === 'unknown' ? version : `${version}+${commit}`;
}

function readCommit(root: URL): string {
  try {
    const head = readFileSync(new URL('.git/HEAD', root), 'utf8').trim();
    const ref = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
    const hash =
      ref === undefined ? head : readFileSync(new URL(`.git/${ref}`, root), 'utf8').trim();
    return /^[0-9a-f]{40,64}$/.test(hash) ? hash : 'unknown';
  } catch {
    return 'unknown';
  }
}
