import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A migration to write: its title, and the statements of both ways. */
export interface WrittenMigration {
  readonly title: string;
  readonly up: readonly string[];
  readonly down?: readonly string[];
  /** Statements commit one by one. */
  readonly isTransactional?: false;
}

/** A folder of migrations of a test's own. */
export interface MigrationsFolder extends Disposable {
  readonly path: string;
  /** Writes one more migration, later than all before; resolves to its name. */
  add(migration: WrittenMigration): string;
  /** Writes a file as it is. */
  write(file: string, text: string): void;
}

/** Makes a folder whose migrations find the project's packages. Dispose of it when the test is done. */
export function migrationsFolder(...migrations: readonly WrittenMigration[]): MigrationsFolder {
  const root = mkdtempSync(join(tmpdir(), 'tidegauge-migrations-'));
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  let count = 0;
  const folder: MigrationsFolder = {
    path: root,
    add({ title, up, down = [], isTransactional = true }) {
      count += 1;
      const name = `Migration202601010000${String(count).padStart(2, '0')}_${title}`;
      const list = (statements: readonly string[]) =>
        statements.map((sql) => `this.addSql(${JSON.stringify(sql)});`).join('\n');
      folder.write(
        `${name}.ts`,
        `import { Migration } from '@mikro-orm/migrations';
         export class ${name} extends Migration {
           override isTransactional(): boolean { return ${isTransactional}; }
           override up(): void { ${list(up)} }
           override down(): void { ${list(down)} }
         }`,
      );
      return name;
    },
    write: (file, text) => writeFileSync(join(root, file), text),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
  for (const migration of migrations) {
    folder.add(migration);
  }
  return folder;
}
