import type { Reporter, TestModule } from 'vitest/node';
import type { ClaimFigures } from './figures.ts';

const HEAD = ['claim', 'N', 'project', 'measured', 'figure'] as const;

/** Prints one table of what the chaos tests of a run have measured, and what the run was not made on. */
export class ChaosTable implements Reporter {
  readonly #isOldestMissing: boolean;

  /** `isOldestMissing`: the system has no supported PostgreSQL older than the embedded one. */
  constructor(isOldestMissing: boolean) {
    this.#isOldestMissing = isOldestMissing;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.flatMap((module) =>
      figuresOf(module).flatMap((figures) => tableRows(figures, module.project.name)),
    );
    if (rows.length > 0) {
      process.stdout.write(`\n${layOut([HEAD, ...rows])}\n`);
    }
    const isOnServer = modules.some(({ project }) => /^(integration|chaos)$/.test(project.name));
    if (isOnServer && this.#isOldestMissing) {
      process.stdout.write(
        '\nnot run on an older PostgreSQL than the embedded 18: /usr/lib/postgresql has none from 15 on\n',
      );
    }
  }
}

function figuresOf(module: TestModule): ClaimFigures[] {
  return [...module.children.allSuites()]
    .map((suite) => suite.meta().figures)
    .filter((figures) => figures !== undefined);
}

/** What is the same as in the row above is left out. */
function tableRows({ id, rounds, rows }: ClaimFigures, project: string): string[][] {
  return rows.map(([name, value], index) =>
    index === 0 ? [id, String(rounds), project, name, value] : ['', '', '', name, value],
  );
}

function layOut(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
