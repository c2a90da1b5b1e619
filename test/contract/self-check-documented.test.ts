import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CONNECTION_RULES } from '#database/self-check/connection-rules.ts';
import { judgeServer, SERVER_RULES } from '#database/self-check/judge-server.ts';
import { KNOWN_OF_EMBEDDED } from '#database/self-check/known-of-embedded.ts';
import { servicePlanOf } from '#test/support/server-facts-of.ts';

const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const section = page.split('\n## Self-check\n')[1]?.split('\n## ')[0] ?? '';
/** `id severity` of every row; a row may be about several findings. */
const documented = [...section.matchAll(/^\| (`[^|]+`) +\| (error|warning|info) +\|/gm)].flatMap(
  ([, ids = '', severity = '']) =>
    [...ids.matchAll(/`([^`]+)`/g)].map(([, id = '']) => `${id} ${severity}`),
);
const old = judgeServer({ version: '14.0', versionNumber: 140_000 }, servicePlanOf());
const known = [...old, ...SERVER_RULES, ...CONNECTION_RULES];

describe('docs/operations.md, Self-check', () => {
  it('has every finding with its severity, once, and no other', () => {
    expect(documented.toSorted()).toEqual(
      known.map(({ id, severity }) => `${id} ${severity}`).toSorted(),
    );
  });

  it('has findings whose ids are small words joined by hyphens', () => {
    const ids = known.map(({ id }) => id);

    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^[a-z]+(?:-[a-z]+)*$/)));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is about findings that there are where it speaks of the embedded server', () => {
    expect(known.map(({ id }) => id)).toEqual(expect.arrayContaining([...KNOWN_OF_EMBEDDED]));
  });
});
