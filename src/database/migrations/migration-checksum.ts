import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expectedMigrations } from './expected-migrations.ts';

/**
 * SHA-256 of a migration's text, in hexadecimal. A byte order mark, the kind of line ends and those at the end of the
 * file do not count, since git and editors change them; everything else does, comments and layout, too.
 */
export function migrationChecksum(text: string): string {
  const normal = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .trimEnd();
  return createHash('sha256').update(normal).digest('hex');
}

/** The checksum of one migration of a folder. */
export async function checksumOf(migrationsDir: string, name: string): Promise<string> {
  return migrationChecksum(await readFile(`${migrationsDir}/${name}.ts`, 'utf8'));
}

/** The checksum of every migration of a folder by its name, oldest first. */
export async function migrationChecksums(
  migrationsDir: string,
): Promise<ReadonlyMap<string, string>> {
  const names = await expectedMigrations(migrationsDir);
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await checksumOf(migrationsDir, name)] as const),
    ),
  );
}

/** A migration as it is recorded; one that was applied before checksums were has none. */
export interface RecordedMigration {
  readonly name: string;
  readonly checksum: string | null;
}

/** Names of the applied migrations whose file is another one now, in the order given. */
export function editedMigrations(
  recorded: readonly RecordedMigration[],
  checksums: ReadonlyMap<string, string>,
): string[] {
  return recorded
    .filter(({ name, checksum }) => {
      const current = checksums.get(name);
      return checksum !== null && current !== undefined && current !== checksum;
    })
    .map(({ name }) => name);
}
