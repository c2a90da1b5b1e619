import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { provisionEmbedded } from '#database/embedded/provision-embedded.ts';
import { expectedMigrations } from '#database/migrations/expected-migrations.ts';
import { catalogOf, recordedMigrations } from '#test/support/catalog.ts';
import { ProjectCopy } from '#test/support/project-copy.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { PROVISION_SETTINGS } from '#test/support/test-roles.ts';

const USER_ENTITY = 'src/features/users/user.entity.ts';
const NAMES = await expectedMigrations('migrations');

interface Answer {
  readonly code: number | null;
  readonly said: string;
  readonly complained: string;
}

/** Types a command of the ORM into a fresh shell. */
async function mikroOrm(
  copy: ProjectCopy,
  command: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { code, stdout, stderr } = await copy.run(['npx', 'mikro-orm', ...command.split(' ')], env);
  return { code, said: stripVTControlCharacters(stdout).trim(), complained: stderr };
}

function namesIn({ said }: Answer, pattern: RegExp): readonly (string | undefined)[] {
  return [...said.matchAll(pattern)].map(([, name]) => name);
}

function addNickName(copy: ProjectCopy): void {
  copy.edit(
    USER_ENTITY,
    '    name: p.text(),',
    '    name: p.text(),\n    nickName: p.text().nullable(),',
  );
}

describe('npx mikro-orm in a fresh shell, with DATABASE_URL in .env', () => {
  it('lists, applies and reverts migrations', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using copy = new ProjectCopy();
    copy.write('.env', `DATABASE_URL=${database.url}\n`);

    const pending = await mikroOrm(copy, 'migration:pending');
    const none = await mikroOrm(copy, 'migration:list');
    const up = await mikroOrm(copy, 'migration:up');
    const list = await mikroOrm(copy, 'migration:list');
    const nothing = await mikroOrm(copy, 'migration:pending');
    const down = await mikroOrm(copy, 'migration:down --to 0');

    const answers = [pending, none, up, list, nothing, down];
    expect(answers.map(({ code }) => code)).toStrictEqual([0, 0, 0, 0, 0, 0]);
    expect(answers.map(({ complained }) => complained).join('')).toBe('');
    expect(namesIn(pending, /│ (Migration\w+)/g)).toStrictEqual(NAMES);
    expect(none.said).toBe('No migrations executed yet');
    expect(namesIn(up, /Applied '(\w+)'/g)).toStrictEqual(NAMES);
    expect(namesIn(list, /│ (Migration\w+)/g)).toStrictEqual(NAMES);
    expect(nothing.said).toBe('No pending migrations');
    expect(namesIn(down, /Reverted '(\w+)'/g)).toStrictEqual(NAMES.toReversed());
    expect(await catalogOf(database)).toStrictEqual([]);
  }, 60_000);

  it('writes a migration for a new property, and its down removes it', async () => {
    await using database = await TestDatabase.create();
    using copy = new ProjectCopy();
    copy.write('.env', `DATABASE_URL=${database.url}\n`);
    const before = await catalogOf(database);
    addNickName(copy);

    const behind = await mikroOrm(copy, 'migration:check');
    const created = await mikroOrm(copy, 'migration:create --name nick_name');
    const same = await mikroOrm(copy, 'migration:check');
    const up = await mikroOrm(copy, 'migration:up');
    const added = (await catalogOf(database)).filter((line) => !before.includes(line));
    const down = await mikroOrm(copy, 'migration:down');

    expect(behind).toMatchObject({ code: 1, said: expect.stringContaining('Changes detected') });
    expect(created).toMatchObject({ code: 0, complained: '' });
    const file =
      readdirSync(join(copy.path, 'migrations')).find((name) =>
        /^Migration\d{14}_nick_name\.ts$/.test(name),
      ) ?? '';
    expect(created.said).toBe(`${file} successfully created`);
    expect(copy.read(`migrations/${file}`)).toBe(`import { Migration } from '@mikro-orm/migrations';

export class ${file.slice(0, -'.ts'.length)} extends Migration {
  override up(): void {
    this.addSql(\`alter table "users" add "nick_name" text null\`);
  }

  override down(): void {
    this.addSql(\`alter table "users" drop column "nick_name"\`);
  }
}
`);
    expect(same).toMatchObject({ code: 0 });
    expect(up).toMatchObject({ code: 0 });
    expect(added.map((line) => line.replace(/\.\d+ /, ' '))).toStrictEqual([
      expect.stringMatching(/^column users nick_name text null:t /),
    ]);
    expect(down).toMatchObject({ code: 0 });
    expect(await catalogOf(database)).toStrictEqual(before);
    expect(await recordedMigrations(database)).toStrictEqual(NAMES);
  }, 60_000);

  it('refuses a version that does not exist, and a failing migration, in one line', async () => {
    await using database = await TestDatabase.create();
    using copy = new ProjectCopy();
    copy.write('.env', `DATABASE_URL=${database.url}\n`);
    copy.write(
      'migrations/Migration20990101000000_broken.ts',
      `import { Migration } from '@mikro-orm/migrations';
       export class Broken extends Migration {
         override up(): void { this.addSql('select * from "nothing"'); }
       }`,
    );

    const unknown = await mikroOrm(copy, 'migration:down --to 20000101000000');
    const broken = await mikroOrm(copy, 'migration:up');

    expect(unknown).toMatchObject({
      code: 78,
      complained: 'CONFIG_INVALID: there is no migration 20000101000000\n',
    });
    expect(broken).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/^DB_SCHEMA: .*"nothing".*\n$/),
    });
    expect(await recordedMigrations(database)).toStrictEqual(NAMES);
  }, 60_000);

  it('marks a migration as applied and as not applied, once, and rewrites none', async () => {
    await using database = await TestDatabase.create();
    using copy = new ProjectCopy();
    const env = { DATABASE_URL: database.url };
    const last = NAMES.at(-1) ?? '';

    const unlogged = await mikroOrm(copy, `migration:unlog --name ${last}`, env);
    const left = await recordedMigrations(database);
    const logged = await mikroOrm(copy, `migration:log --name ${last}`, env);
    const again = await mikroOrm(copy, `migration:log --name ${last}`, env);
    const rollup = await mikroOrm(copy, 'migration:rollup', env);

    expect([unlogged.code, logged.code, again.code, rollup.code]).toStrictEqual([0, 0, 1, 78]);
    expect(left).toStrictEqual(NAMES.slice(0, -1));
    expect(again.complained).toContain('recorded as applied already');
    expect(rollup.complained).toContain('never rewritten');
    expect(await recordedMigrations(database)).toStrictEqual(NAMES);
  }, 60_000);

  it('refuses an applied migration that was edited, and tells of it when it checks', async () => {
    await using database = await TestDatabase.create();
    using copy = new ProjectCopy();
    const env = { DATABASE_URL: database.url };
    const last = NAMES.at(-1) ?? '';
    copy.write(`migrations/${last}.ts`, `// edited\n${copy.read(`migrations/${last}.ts`)}`);

    const up = await mikroOrm(copy, 'migration:up', env);
    const check = await mikroOrm(copy, 'migration:check', env);

    const complaint = expect.stringMatching(
      new RegExp(`^CONFIG_INVALID: ${last} was edited after it was applied: .*\n$`),
    );
    expect(up).toMatchObject({ code: 78, complained: complaint });
    expect(check).toMatchObject({ code: 78, complained: complaint });
  }, 60_000);

  it('waits for the lock like every other run', async () => {
    await using database = await TestDatabase.create({ empty: true });
    using copy = new ProjectCopy();
    const env = { DATABASE_URL: database.url };

    const answers = await Promise.all([
      mikroOrm(copy, 'migration:up', env),
      mikroOrm(copy, 'migration:up', env),
      mikroOrm(copy, 'migration:up', env),
    ]);

    expect(answers.map(({ code }) => code)).toStrictEqual([0, 0, 0]);
    expect(answers.filter(({ said }) => said.includes('Applied'))).toHaveLength(1);
    expect(await recordedMigrations(database)).toStrictEqual(NAMES);
  }, 60_000);
});

describe('npx mikro-orm without DATABASE_URL', () => {
  it('works on the embedded server that is running', async () => {
    using copy = new ProjectCopy();
    const server = await startEmbeddedPostgres({
      dataDir: join(copy.path, '.data/postgres'),
      persistent: true,
    });
    try {
      await provisionEmbedded(server, {
        settings: PROVISION_SETTINGS,
        tables: [],
      });
      const up = await mikroOrm(copy, 'migration:up');
      const nothing = await mikroOrm(copy, 'migration:pending');

      expect(up).toMatchObject({ code: 0, complained: '' });
      expect(nothing).toMatchObject({ code: 0, said: 'No pending migrations' });
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('says what to do when there is no server, and still creates and checks', async () => {
    using copy = new ProjectCopy();
    addNickName(copy);

    const up = await mikroOrm(copy, 'migration:up');
    const behind = await mikroOrm(copy, 'migration:check');
    const created = await mikroOrm(copy, 'migration:create');
    const same = await mikroOrm(copy, 'migration:check');

    expect(up).toStrictEqual({
      code: 78,
      said: '',
      complained:
        'CONFIG_INVALID: no server: set DATABASE_URL, or start the embedded one with npm start and leave it running\n',
    });
    expect([behind.code, created.code, same.code]).toStrictEqual([1, 0, 0]);
  }, 60_000);

  it('refuses settings that are not valid with exit code 78, and never repeats them', async () => {
    using copy = new ProjectCopy();

    const answer = await mikroOrm(copy, 'migration:list', {
      DATABASE_URL: 'mysql://me:hunter2@x/y',
    });

    expect(answer.code).toBe(78);
    expect(answer.complained).toContain('DATABASE_URL');
    expect(answer.complained).not.toContain('hunter2');
  });

  it('refuses a transaction pooler, which cannot hold the lock, when there is no way past it', async () => {
    using copy = new ProjectCopy();

    const answer = await mikroOrm(copy, 'migration:list', {
      DATABASE_URL: 'postgresql://me@127.0.0.1:1/x',
      DB_POOLER: 'pgbouncer',
    });

    expect(answer).toMatchObject({
      code: 78,
      complained: expect.stringContaining('DATABASE_DIRECT_URL'),
    });
  });
});
