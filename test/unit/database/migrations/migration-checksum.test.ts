import { expect, it } from 'vitest';
import { editedMigrations, migrationChecksum } from '#database/migrations/migration-checksum.ts';

const TEXT = 'export class One {\n  up() {}\n}\n';

it.each([
  ['line ends of Windows', TEXT.replaceAll('\n', '\r\n')],
  ['a byte order mark', `\uFEFF${TEXT}`],
  ['no line end at the end', TEXT.trimEnd()],
])('a migration that git or an editor gave %s is the same', (_, text) => {
  expect(migrationChecksum(text)).toBe(migrationChecksum(TEXT));
});

it.each([
  ['a statement', TEXT.replace('{}', '{ this.addSql("select 1"); }')],
  ['a comment', `// why\n${TEXT}`],
  ['an indent', TEXT.replace('  up', '    up')],
])('a migration with %s more is another one', (_, text) => {
  expect(migrationChecksum(text)).not.toBe(migrationChecksum(TEXT));
});

it('edited are those that are recorded with a checksum and here with another', () => {
  const recorded = [
    { name: 'same', checksum: '1' },
    { name: 'edited', checksum: '2' },
    { name: 'from before checksums', checksum: null },
    { name: 'of a newer release', checksum: '4' },
  ];
  const here = new Map([
    ['same', '1'],
    ['edited', 'other'],
    ['from before checksums', '3'],
  ]);

  expect(editedMigrations(recorded, here)).toStrictEqual(['edited']);
});
