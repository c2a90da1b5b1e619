import type { Migration } from '@mikro-orm/migrations';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';

/** How many statements each migration of a folder has, oldest first. */
export async function statementCounts(
  migrationsDir: string,
  way: 'up' | 'down' = 'up',
): Promise<readonly { readonly name: string; readonly count: number }[]> {
  const names = await expectedMigrations(migrationsDir);
  return await Promise.all(
    names.map(async (name) => {
      const module = (await import(`${migrationsDir}/${name}.ts`)) as Record<string, unknown>;
      // Statements are collected, not sent: neither driver nor configuration is asked for anything.
      const migration = Reflect.construct(module[name] as typeof Migration, []) as Migration;
      await migration[way]();
      return { name, count: migration.getQueries().length };
    }),
  );
}
