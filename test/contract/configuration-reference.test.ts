import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { CROSS_ADVICE, CROSS_RULES, inWords } from '#config/cross-rules.ts';
import type { CrossRule } from '#config/cross-rules.ts';
import { connectionVariables, poolVariables } from '#config/database-variables.ts';
import { environmentSchema } from '#config/environment-schema.ts';
import { httpVariables } from '#config/http-variables.ts';
import { logVariables, serviceVariables, shutdownVariables } from '#config/service-variables.ts';
import { provisionVariables } from '#config/provision-variables.ts';
import { settingDocs } from '#config/setting-kind.ts';
import type { SettingDoc } from '#config/setting-kind.ts';
import { testVariables } from '#config/test-variables.ts';

const GROUPS = [
  { title: 'Service', variables: serviceVariables },
  { title: 'HTTP', variables: httpVariables },
  { title: 'Database', variables: connectionVariables },
  { title: 'Connection pool and server sessions', variables: poolVariables },
  { title: 'Shutdown', variables: shutdownVariables },
  { title: 'Logs', variables: logVariables },
  { title: 'Roles (read by `npm run db:provision` alone)', variables: provisionVariables },
  { title: 'Tests (not read by the service)', variables: testVariables },
].map(({ title, variables }) => ({ title, settings: documented(variables) }));

describe('the reference of settings', () => {
  it('has every variable of the schema, in its order, and those of others', () => {
    const listed = GROUPS.flatMap(({ settings }) => settings.map(({ name }) => name));

    expect(listed).toEqual([
      ...Object.keys(environmentSchema.shape),
      ...Object.keys(provisionVariables),
      ...Object.keys(testVariables),
    ]);
  });

  it('in docs/configuration.md says of every variable what the schema says', async () => {
    const tables = GROUPS.map(({ title, settings }) => `### ${title}\n\n${table(settings)}`);

    const expected = [
      { name: 'settings', content: tables.join('\n\n') },
      { name: 'rules', content: lines(CROSS_RULES, 'must') },
      { name: 'advice', content: lines(CROSS_ADVICE, 'should') },
    ].reduce(
      (text, { name, content }) => withSection(text, name, content),
      readFileSync('docs/configuration.md', 'utf8'),
    );

    await expect(expected).toMatchFileSnapshot('../../docs/configuration.md');
  });

  it('in .env.example names every variable with its default and its meaning', async () => {
    const head = [
      '# Copy to .env, remove the # before a variable and change its value. docs/configuration.md says more.',
      '# Quote a value that holds a # or a blank. A variable of the real environment wins over this file.',
    ];
    const groups = GROUPS.flatMap(({ title, settings }) => [
      '',
      `## ${title}`,
      ...settings.flatMap((setting) => [
        '',
        `# ${setting.meaning} (${setting.allowed}${condition(setting.default)})`.replaceAll(
          '`',
          '',
        ),
        `#${setting.name}=${/^`([^`]*)`/.exec(setting.default)?.[1] ?? ''}`,
      ]),
    ]);

    await expect([...head, ...groups, ''].join('\n')).toMatchFileSnapshot('../../.env.example');
  });
});

interface NamedDoc extends SettingDoc {
  readonly name: string;
}

function documented(variables: Readonly<Record<string, Parameters<typeof settingDocs.get>[0]>>) {
  return Object.entries(variables).map(([name, schema]): NamedDoc => {
    const doc = settingDocs.get(schema);
    if (doc === undefined) throw new Error(`bug: ${name} is not documented`);
    return { name, ...doc };
  });
}

/** A table as the formatter aligns it. */
function table(settings: readonly NamedDoc[]): string {
  const rows = [
    ['variable', 'default', 'allowed', 'meaning'],
    ...settings.map((setting) => [
      `\`${setting.name}\``,
      setting.default,
      setting.allowed,
      setting.meaning,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const padded = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  const rule = widths.map((width) => '-'.repeat(width));
  return padded
    .toSpliced(1, 0, rule)
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function lines(rules: readonly CrossRule[], verb: 'must' | 'should'): string {
  return rules
    .map((rule) => `${rule.smaller} ${inWords(rule, verb)}`)
    .map((text) => `- ${text.replaceAll(/\b(?:DB|HTTP|SHUTDOWN)_[A-Z_]+/g, '`$&`')}`)
    .join('\n');
}

function withSection(text: string, name: string, content: string): string {
  const section = new RegExp(`(<!-- ${name}\\b[^\n]* -->\n)[^]*(<!-- end of ${name} -->)`);
  if (!section.test(text)) throw new Error(`no section ${name} in docs/configuration.md`);
  return text.replace(section, (_, start: string, end: string) => `${start}\n${content}\n\n${end}`);
}

/** A default that depends on something, to be told beside its usual value. */
function condition(text: string): string {
  return /^`[^`]*`.+/.test(text) ? `; default: ${text}` : '';
}
