import { readFileSync } from 'node:fs';
import { writeSection } from '#bench/write-section.ts';
import { describe, expect, it } from 'vitest';

describe('writeSection', () => {
  it('replaces what is between the marks and nothing else', () => {
    const page = 'above\n\n<!-- bench:begin -->\n\nold\n\n<!-- bench:end -->\n\nbelow\n';

    expect(writeSection(page, 'new')).toBe(page.replace('old', 'new'));
  });

  it('refuses a page without the marks', () => {
    expect(() => writeSection('<!-- bench:begin -->', 'new')).toThrow('the page has no section');
  });

  it('finds its section on the page on performance', () => {
    const page = readFileSync('docs/performance.md', 'utf8');

    expect(writeSection(page, 'a table')).toMatch(
      /^## Result$[^#]*^<!-- bench:begin -->\n\na table/m,
    );
  });
});
