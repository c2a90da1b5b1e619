import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { migrationChecksums } from '#database/migrations/migration-checksum.ts';

/** A release in a folder of its own, with its packages, and with the migrations of another one. */
export class Checkout implements Disposable {
  readonly path: string;
  readonly #repository: string;

  /** `ref` as git knows it. Throws when git does not, or its packages cannot be had. */
  constructor(repository: string, ref: string) {
    this.#repository = resolve(repository);
    this.path = join(mkdtempSync(join(tmpdir(), 'tidegauge-previous-')), 'release');
    try {
      this.#git('worktree', 'add', '--detach', '--quiet', this.path, ref);
      this.#install();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** What the release keeps in tables: `user` for a `user.entity.ts`. */
  get nouns(): readonly string[] {
    return globSync('src/features/**/*.entity.ts', { cwd: this.path })
      .map((file) => basename(file, '.entity.ts'))
      .toSorted();
  }

  /** Names of its migrations that other ones lack or have with another text: databases that applied them are refused. */
  async changedMigrations(migrationsDir: string): Promise<readonly string[]> {
    const own = await migrationChecksums(join(this.path, 'migrations'));
    const others = await migrationChecksums(resolve(migrationsDir));
    return [...own].filter(([name, sum]) => others.get(name) !== sum).map(([name]) => name);
  }

  /** Puts other migrations in the place of the release's own, which its tests then migrate their database with. */
  useMigrations(migrationsDir: string): void {
    const own = join(this.path, 'migrations');
    rmSync(own, { recursive: true });
    cpSync(migrationsDir, own, {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
  }

  /** Runs a program of its packages and resolves to its exit code. Its output is ours. */
  run(program: string, args: readonly string[]): number {
    const bin = join(this.path, 'node_modules/.bin');
    const { status } = spawnSync(join(bin, program), args, {
      cwd: this.path,
      stdio: 'inherit',
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    });
    return status ?? 1;
  }

  [Symbol.dispose](): void {
    rmSync(dirname(this.path), { recursive: true, force: true });
    this.#git('worktree', 'prune');
  }

  /** The same packages need not be installed again. */
  #install(): void {
    const [own, here] = [this.path, this.#repository].map((folder) =>
      readFileSync(join(folder, 'package-lock.json'), 'utf8'),
    );
    if (own === here) {
      symlinkSync(join(this.#repository, 'node_modules'), join(this.path, 'node_modules'));
    } else {
      execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: this.path, stdio: 'inherit' });
    }
  }

  #git(...args: readonly string[]): void {
    execFileSync('git', args, { cwd: this.#repository, stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

/** The newest tag that leads here; undefined when there is none. */
export function newestTag(): string | undefined {
  const { status, stdout } = spawnSync('git', ['describe', '--tags', '--abbrev=0'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
}
