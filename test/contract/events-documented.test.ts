import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function eventsOf(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

describe('docs/logs.md', () => {
  it('lists exactly the events that the source writes, each once', () => {
    const sources = globSync('src/**/*.ts', { cwd: root }).map((file) =>
      readFileSync(`${root}/${file}`, 'utf8'),
    );
    const written = new Set(sources.flatMap((text) => eventsOf(text, /\bevent: '([^']*)'/g)));

    const page = readFileSync(`${root}/docs/logs.md`, 'utf8');
    const documented = eventsOf(page.slice(page.indexOf('## Events')), /^\| `([^`]+)` +\|/gm);

    expect(documented.toSorted()).toEqual([...written].toSorted());
  });

  it('has names of small words joined by dots', () => {
    const page = readFileSync(`${root}/docs/logs.md`, 'utf8');
    const documented = eventsOf(page.slice(page.indexOf('## Events')), /^\| `([^`]+)` +\|/gm);

    expect(documented).toEqual(
      documented.map(() => expect.stringMatching(/^[a-z]+(?:\.[a-z_]+)+$/)),
    );
  });
});
