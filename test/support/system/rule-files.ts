import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A rule of the project: an alert, or a series that is recorded. */
export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

/** Every rule of the project. */
export function readRules(dir: string): Rule[] {
  return readdirSync(dir).flatMap((name) => {
    const file = parse(readFileSync(join(dir, name), 'utf8')) as RuleFile; // adapter: promtool has checked it
    return file.groups.flatMap(({ rules }) => rules);
  });
}
