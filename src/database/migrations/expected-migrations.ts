import { readdir } from 'node:fs/promises';

/** Names of the migrations in a folder, oldest first, as MikroORM records them. */
export async function expectedMigrations(migrationsDir: string): Promise<string[]> {
  const files = await readdir(migrationsDir);
  return files
    .filter((file) => /^Migration\d{14}.*\.ts$/.test(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted();
}
