import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formsOf, markerPattern } from './canary-values.ts';
import { OUTPUT_ENDING, SECRETS_FILE } from './service-output.ts';
import type { Secret } from './service-output.ts';

/** Where a value is that must not be there. The value itself is not told. */
export interface Find {
  readonly file: string;
  readonly line: number;
  /** What the service wrote it to. */
  readonly source: string;
  readonly kind: string;
  readonly form: string;
}

/** What a search has gone through, and what it has found. */
export interface OutputSearch {
  readonly services: number;
  readonly bytes: number;
  /** Different values that were looked for. */
  readonly values: number;
  /** Lines by where the services wrote them. */
  readonly lines: Readonly<Record<string, number>>;
  /** Files of services that wrote nothing at all: nobody has listened to them. */
  readonly silent: readonly string[];
  readonly finds: readonly Find[];
}

/** Searches what the services of a run have written for the given values and for their own secrets. */
export function searchOutput(dir: string, values: readonly Secret[]): OutputSearch {
  const secrets = uniqueSecrets([...values, ...secretsIn(dir)]);
  const pattern = markerPattern(secrets.map(({ value }) => value));
  const names = readdirSync(dir).filter((name) => name.endsWith(OUTPUT_ENDING));
  const lines: Record<string, number> = {};
  const silent: string[] = [];
  const finds: Find[] = [];
  let bytes = 0;
  for (const name of names) {
    const content = readFileSync(join(dir, name), 'utf8');
    bytes += content.length;
    const entries = content.split('\n').slice(0, -1).map(parseEntry);
    for (const { source } of entries) {
      lines[source] = (lines[source] ?? 0) + 1;
    }
    if (entries.length === 0) {
      silent.push(name);
    }
    // One look at the whole is what makes the search cheap.
    if (pattern.test(content)) {
      finds.push(
        ...entries.flatMap(({ source, text }, index) =>
          findsIn(text, secrets).map((find) => ({ file: name, line: index + 1, source, ...find })),
        ),
      );
    }
  }
  return { services: names.length, bytes, values: secrets.length, lines, silent, finds };
}

/**
 * Says in one line what a search has gone through.
 *
 * @throws Error that names every find by its place and kind, or the services that nobody has listened to
 */
export function judgeOutput({ finds, silent, ...search }: OutputSearch, dir: string): string {
  if (finds.length > 0) {
    const places = finds.slice(0, 20).map(({ file, line, source, kind, form }) => {
      return `${file}:${line} (${source}): ${kind}, ${form}`;
    });
    throw new Error(
      `services under test have written what they must not, ${finds.length} times; see ${dir}\n${places.join('\n')}`,
    );
  }
  if (silent.length > 0) {
    throw new Error(`nothing was kept of what these services wrote: ${silent.join(', ')}`);
  }
  const lines = Object.entries(search.lines).map(([source, count]) => `${count} of ${source}`);
  return `${search.values} values looked for in what ${search.services} services wrote (${search.bytes} bytes; lines: ${lines.join(', ') || 'none'}): 0 found`;
}

function secretsIn(dir: string): Secret[] {
  const file = join(dir, SECRETS_FILE);
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
}

function uniqueSecrets(secrets: readonly Secret[]): Secret[] {
  return [...new Map(secrets.map((secret) => [secret.value, secret])).values()];
}

function parseEntry(line: string): { readonly source: string; readonly text: string } {
  const end = line.indexOf('\t');
  return { source: line.slice(0, end), text: line.slice(end + 1) };
}

function findsIn(text: string, secrets: readonly Secret[]): Pick<Find, 'kind' | 'form'>[] {
  return secrets.flatMap(({ kind, value }) => {
    const found = formsOf(value).find((form) =>
      text.toLowerCase().includes(form.text.toLowerCase()),
    );
    return found === undefined ? [] : [{ kind, form: found.form }];
  });
}
