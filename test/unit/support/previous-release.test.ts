import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Checkout } from '#test/support/previous-release/checkout.ts';
import { readOptions } from '#test/support/previous-release/options.ts';

let repository: string;

function write(file: string): void {
  mkdirSync(dirname(join(repository, file)), { recursive: true });
  writeFileSync(join(repository, file), file);
}

function git(...args: readonly string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  return execFileSync('git', [...identity, ...args], { cwd: repository, encoding: 'utf8' });
}

beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'tidegauge-repository-'));
  git('init', '--quiet');
  write('package-lock.json');
  write('migrations/Migration20260101000001_one.ts');
  write('src/features/users/user.entity.ts');
  git('add', '.');
  git('commit', '--quiet', '--no-gpg-sign', '--message', 'previous');
  git('tag', 'previous');
  write('migrations/Migration20260101000002_two.ts');
  write('src/features/teams/team.entity.ts');
  git('add', '.');
  git('commit', '--quiet', '--no-gpg-sign', '--message', 'new');
  write('node_modules/.bin/vitest');
});

afterEach(() => rmSync(repository, { recursive: true }));

describe('the checkout of the previous release', () => {
  it('has its own code, the same packages and the new migrations', () => {
    using release = new Checkout(repository, 'previous');
    release.useMigrations(join(repository, 'migrations'));

    expect(release.nouns).toStrictEqual(['user']);
    expect(readdirSync(join(release.path, 'migrations'))).toStrictEqual([
      'Migration20260101000001_one.ts',
      'Migration20260101000002_two.ts',
    ]);
    expect(existsSync(join(release.path, 'node_modules/.bin/vitest'))).toBe(true);
  });

  it('tells which of its migrations are no longer what they were', async () => {
    using release = new Checkout(repository, 'previous');
    const migrations = join(repository, 'migrations');

    const before = await release.changedMigrations(migrations);
    writeFileSync(join(migrations, 'Migration20260101000001_one.ts'), 'edited');
    const edited = await release.changedMigrations(migrations);
    rmSync(join(migrations, 'Migration20260101000001_one.ts'));
    const removed = await release.changedMigrations(migrations);

    expect(before).toStrictEqual([]);
    expect(edited).toStrictEqual(['Migration20260101000001_one']);
    expect(removed).toStrictEqual(['Migration20260101000001_one']);
  });

  it('is gone afterwards', () => {
    const { path } = (() => {
      using release = new Checkout(repository, 'previous');
      return release;
    })();

    expect(existsSync(path)).toBe(false);
    expect(git('worktree', 'list').trim().split('\n')).toHaveLength(1);
  });
});

describe('the command line', () => {
  it('names a release, other migrations and tests, or leaves them to be found', () => {
    expect(readOptions([])).toStrictEqual({
      ref: undefined,
      migrationsDir: 'migrations',
      tests: [],
    });
    expect(readOptions(['v1', '--migrations', 'm', '--test', 'a', '--test', 'b'])).toStrictEqual({
      ref: 'v1',
      migrationsDir: 'm',
      tests: ['a', 'b'],
    });
  });

  it.each([[['v1', 'v2']], [['--force']], [['--', '--upload-pack=x']]])('refuses %j', (args) => {
    expect(readOptions(args)).toBeUndefined();
  });
});
