import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';
import { recordedMigrations } from '#test/support/catalog.ts';
import { ProjectCopy } from '#test/support/project-copy.ts';
import { runCommand, startCommand } from '#test/support/run-command.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const MIGRATE = [process.execPath, 'src/cli/migrate.ts'] as const;

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('npm run migrate', () => {
  it('prints the names of what it applied, and nothing when nothing is pending', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const expected = await expectedMigrations('migrations');

    const first = await runCommand(MIGRATE, { env: { DATABASE_URL: database.url } });
    const second = await runCommand(MIGRATE, { env: { DATABASE_URL: database.url } });

    expect(first).toStrictEqual({ code: 0, stdout: `${expected.join('\n')}\n`, stderr: '' });
    expect(second).toStrictEqual({ code: 0, stdout: '', stderr: '' });
    expect(await recordedMigrations(database)).toStrictEqual(expected);
  });

  it('migrates as the role of MIGRATION_DATABASE_URL, past a pooler', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const owner = `owner_${randomBytes(6).toString('hex')}`;
    await database.createRole(owner, `login password 'of-the-owner'`);
    await database.query(`grant all on schema public to ${owner}`);
    const { host, port, database: name } = database.address;

    const { code, stderr } = await runCommand(MIGRATE, {
      env: {
        DATABASE_URL: `postgresql://app@127.0.0.1:1/${name}`,
        DB_POOLER: 'pgbouncer',
        MIGRATION_DATABASE_URL: `postgresql://${owner}:of-the-owner@${host}:${port}/${name}`,
      },
    });
    const owners = await database.query(
      `select distinct applied_by, tableowner from mikro_orm_migrations, pg_tables where schemaname = 'public'`,
    );
    await database.dropRole(owner);

    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(owners).toStrictEqual([{ applied_by: owner, tableowner: owner }]);
  });

  it('refuses a database whose applied migrations are not those of this release', async () => {
    await using database = await TestDatabase.create();
    await database.query(`update mikro_orm_migrations set checksum = 'another'`);

    const result = await runCommand(MIGRATE, { env: { DATABASE_URL: database.url } });

    expect(result).toStrictEqual({
      code: 78,
      stdout: '',
      stderr: expect.stringMatching(
        /^CONFIG_INVALID: Migration\w+.* was edited after it was applied/,
      ),
    });
  });

  it('waits for a server that is not there yet', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const { host, port } = database.address;
    const latePort = await freePort();
    const late = createServer((socket) => {
      const upstream = connect(port, host);
      socket.on('error', () => upstream.destroy()).pipe(upstream);
      upstream.on('error', () => socket.destroy()).pipe(socket);
    });

    const run = startCommand(MIGRATE, {
      env: { DATABASE_URL: database.url.replace(`${host}:${port}`, `127.0.0.1:${latePort}`) },
    });
    await delay(2000);
    const before = run.child.exitCode;
    late.listen(latePort, '127.0.0.1');
    const { code, stderr } = await run.ended.finally(() => late.close());

    expect(before).toBeNull();
    expect(code).toBe(0);
    expect(stderr).toBe(`waiting for 127.0.0.1:${latePort} (DB_CONNECT_REFUSED)\n`);
  });

  it('ends at once and says why when there is no such database', async () => {
    await using database = await TestDatabase.create({ empty: true });
    const url = database.url.replace(database.address.database, 'nowhere_test');

    const { code, stdout, stderr } = await runCommand(MIGRATE, { env: { DATABASE_URL: url } });

    expect({ code, stdout }).toStrictEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^DB_NOT_FOUND: there is no database nowhere_test at .*\n$/);
  });

  it('refuses settings that are not valid with 78 and unknown arguments with 64', async () => {
    const settings = await runCommand(MIGRATE, { env: { DATABASE_URL: 'x:hunter2' } });
    const argument = await runCommand([...MIGRATE, '--force']);
    const help = await runCommand([...MIGRATE, '--help']);

    expect(settings.code).toBe(78);
    expect(settings.stderr).toContain('DATABASE_URL');
    expect(settings.stderr).not.toContain('hunter2');
    expect(argument).toMatchObject({ code: 64, stderr: expect.stringContaining('usage:') });
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('usage:') });
  });

  it('says what to do when there is neither DATABASE_URL nor a running embedded server', async () => {
    using copy = new ProjectCopy();

    const { code, stderr } = await copy.run(['npm', 'run', '--silent', 'migrate']);

    expect(code).toBe(78);
    expect(stderr).toMatch(/^CONFIG_INVALID: no server: set DATABASE_URL.*\n$/);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ended by %s has applied nothing', async (signal) => {
    await using database = await TestDatabase.create({ empty: true });
    using copy = new ProjectCopy();
    const [first] = await expectedMigrations('migrations');
    copy.edit(
      `migrations/${first}.ts`,
      'override up(): void {',
      "override up(): void {\n    this.addSql('select pg_sleep(60)');",
    );
    const run = startCommand(MIGRATE, { cwd: copy.path, env: { DATABASE_URL: database.url } });
    const isAsleep = async () =>
      (
        await database.query(
          `select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'`,
        )
      ).length;
    await expect.poll(isAsleep, { timeout: 10_000 }).toBe(1);

    run.child.kill(signal);
    const { code } = await run.ended;
    await expect.poll(isAsleep, { timeout: 10_000 }).toBe(0);

    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(await recordedMigrations(database)).toStrictEqual([]);
    expect(await database.query(`select to_regclass('users') as "users"`)).toStrictEqual([
      { users: null },
    ]);
  });
});
