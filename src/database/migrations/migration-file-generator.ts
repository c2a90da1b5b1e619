import { TSMigrationGenerator } from '@mikro-orm/migrations';

interface SchemaDiff {
  readonly up: readonly string[];
  readonly down: readonly string[];
}

// As .oxfmtrc.json has it.
const LINE_WIDTH = 100;

/** Writes migrations as the formatter would, each with a way back. */
export class MigrationFileGenerator extends TSMigrationGenerator {
  override generateMigrationFile(className: string, { up, down }: SchemaDiff): string {
    return `import { Migration } from '@mikro-orm/migrations';

export class ${className} extends Migration {
  override up(): void {
${this.#statements(up)}  }

  override down(): void {
${this.#statements(down.length > 0 ? down : dropTables(up))}  }
}
`;
  }

  override createStatement(sql: string, padLeft: number): string {
    if (sql === '') {
      return '\n';
    }
    const literal = `\`${sql.replace(/;$/, '').replace(/[`$\\]/g, '\\$&')}\``;
    const indent = ' '.repeat(padLeft);
    const line = `${indent}this.addSql(${literal});\n`;
    return line.length <= LINE_WIDTH
      ? line
      : `${indent}this.addSql(\n${indent}  ${literal},\n${indent});\n`;
  }

  #statements(list: readonly string[]): string {
    return list.map((sql) => this.createStatement(sql, 4)).join('');
  }
}

/** MikroORM writes no way back for the first migration: one statement, since tables may refer to each other. */
function dropTables(up: readonly string[]): string[] {
  const tables = up.flatMap((sql) => /^create table (\S+)/.exec(sql)?.[1] ?? []);
  return tables.length === 0 ? [] : [`drop table ${tables.toReversed().join(', ')}`];
}
