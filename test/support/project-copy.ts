import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { runCommand } from './run-command.ts';
import type { CommandResult } from './run-command.ts';

const PARTS = [
  'package.json',
  '.npmrc',
  'src',
  'migrations',
  'mikro-orm.config.ts',
  'mikro-orm.cli.js',
];

/** A copy of the project in a folder whose name has a space; packages are shared with the original. */
export class ProjectCopy implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tidegauge copy '));
  readonly #home = mkdtempSync(join(tmpdir(), 'tidegauge-home-'));

  constructor() {
    for (const part of PARTS) {
      cpSync(part, join(this.path, part), { recursive: true });
    }
    symlinkSync(resolve('node_modules'), join(this.path, 'node_modules'));
  }

  /** Runs a command as typed in a fresh shell: PATH and HOME are set, and what is given. */
  async run(
    command: readonly [string, ...string[]],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> {
    // The packages of the copy must be found by npx and npm, not because the tests were started by them.
    const path = process.env['PATH']
      ?.split(delimiter)
      .filter((dir) => !dir.includes('node_modules'));
    return await runCommand(command, {
      cwd: this.path,
      env: { HOME: this.#home, PATH: path?.join(delimiter) ?? '', ...env },
    });
  }

  read(file: string): string {
    return readFileSync(join(this.path, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text);
  }

  /** Replaces one piece of text that must be there. */
  edit(file: string, old: string, text: string): void {
    const before = this.read(file);
    if (!before.includes(old)) {
      throw new Error(`bug: ${file} has no such text`);
    }
    this.write(file, before.replace(old, text));
  }

  [Symbol.dispose](): void {
    for (const folder of [this.path, this.#home]) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
