import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = globSync('**/*.md', { exclude: ['**/node_modules/**', 'coverage/**', '.data/**'] });
/** A heading's anchor as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** Text of a page without its code blocks, in which a bracket is no link. */
function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^```[^]*?^```$/gm, '');
}

function anchorsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

/** Relative links of a page. */
function linksOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

/** Those of them that lead to no file or to no heading of it. */
function brokenLinksOf(page: string): readonly string[] {
  return linksOf(page).filter((link) => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
}

/** Scripts that a page tells its reader to run. */
function scriptsOf(page: string): readonly string[] {
  const text = readFileSync(page, 'utf8');
  const run = [...text.matchAll(/npm run ([a-z][\w:-]*)/g)].map(([, name = '']) => name);
  const short = [...text.matchAll(/npm (start|test)\b/g)].map(([, name = '']) => name);
  return [...run, ...short];
}

/** Scripts of the package in a folder; none where there is no package. */
function scriptsIn(folder: string): readonly string[] {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return [];
  const { scripts } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    scripts: Record<string, string>;
  };
  return Object.keys(scripts);
}

describe('the documents', () => {
  it.for(PAGES)('%s links only to files and headings that exist', (page) => {
    expect(brokenLinksOf(page)).toStrictEqual([]);
  });

  it.for(PAGES)('%s names only npm scripts that exist', (page) => {
    const known = new Set([...scriptsIn('.'), ...scriptsIn(dirname(page))]);

    expect(scriptsOf(page).filter((name) => !known.has(name))).toStrictEqual([]);
  });

  it('name the command that runs the service and the one that tests it', () => {
    const readme = readFileSync('README.md', 'utf8');

    expect(readme).toMatch(/^npm ci && npm start$/m);
    expect(readme).toMatch(/^npm ci && npm test$/m);
  });

  it('are each reached from the README or the page on architecture, link by link', () => {
    const reached = new Set(['README.md', 'docs/architecture.md']);
    // A set hands out what is added while it is gone through.
    for (const page of reached) {
      const linked = linksOf(page).map((link) => join(dirname(page), link.split('#')[0] ?? ''));
      linked.filter((target) => PAGES.includes(target)).forEach((target) => reached.add(target));
    }

    expect(PAGES.filter((page) => page.startsWith('docs/') && !reached.has(page))).toStrictEqual(
      [],
    );
  });

  it('give every decision a number of its own', () => {
    const numbers = globSync('docs/decisions/*.md').map((page) => basename(page).slice(0, 4));

    expect(numbers.toSorted()).toStrictEqual([...new Set(numbers)].toSorted());
  });

  it('explain every command a contributor may type', () => {
    const explained = new Set(scriptsOf('CONTRIBUTING.md'));
    const unexplained = scriptsIn('.').filter(
      (name) => !explained.has(name) && !name.startsWith('check:'),
    );

    expect(unexplained).toStrictEqual([]);
  });

  it('say in CI what the README says', () => {
    const commands = readFileSync('.ci/run', 'utf8');

    expect(commands).toMatch(/npm ci[^]*npm test/);
  });
});
