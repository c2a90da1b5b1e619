import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { needs } from '#test/support/needs.ts';

const { PATH = '', CI } = process.env;

/**
 * Whether programs of the system are there; says which are not. Throws where tests may not be skipped for that: with
 * `CI` in the environment.
 */
export function hasPrograms(...names: readonly string[]): boolean {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length > 0 && CI) {
    throw new Error(`not installed: ${missing.join(', ')}; see .ci/run`);
  }
  return needs(missing.length === 0, missing.join(', '));
}

function isInstalled(name: string): boolean {
  return PATH.split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
