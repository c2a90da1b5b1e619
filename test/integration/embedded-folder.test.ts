import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { unprivilegedUser } from '#database/embedded/server-user.ts';
import {
  alive,
  copyCheckout,
  endOwner,
  eventually,
  giveFolder,
  startOwner,
  temporaryFolder,
  withClient,
} from '#test/support/embedded-owner.ts';
import { needs } from '#test/support/needs.ts';

const isRoot = process.geteuid?.() === 0;
const ordinary = isRoot ? unprivilegedUser(readFileSync('/etc/passwd', 'utf8')) : undefined;
const canLend = needs(ordinary !== undefined, 'root, to act as an ordinary user');

describe('the folder of an embedded server', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder('folder');
  });
  let lent: ReturnType<typeof temporaryFolder> | undefined;
  afterEach(() => {
    folder.remove();
    lent?.remove();
  });
  /** A checkout that anybody can read: the one of these tests may lie in a closed home directory. */
  const lend = (): string => {
    lent = temporaryFolder('lent');
    chmodSync(lent.path, 0o755);
    copyCheckout(lent.path);
    return lent.path;
  };
  const connects = (dataDir: string): Promise<unknown> => {
    const use = async (): Promise<unknown> => {
      await using server = await startEmbeddedPostgres({ dataDir, persistent: true });
      return await withClient(
        server.connection,
        async (client) => (await client.query('select 1 as one')).rows[0]?.one,
      );
    };
    return use();
  };

  it('may have spaces, quotes and any letters in its path', async () => {
    expect(await connects(join(folder.path, `a b's "c" $d é`))).toBe(1);
  });

  it('may lie in a folder that is closed to everybody but its owner, root included, and start again there', async () => {
    const closed = join(folder.path, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o700);

    expect(await connects(join(closed, 'data'))).toBe(1);
    expect(await connects(join(closed, 'data'))).toBe(1);
  });

  it.runIf(canLend)(
    'may belong to an ordinary user, and be used by root and that user in turn',
    async () => {
      const user = ordinary ?? { uid: 0, gid: 0 };
      const dataDir = join(folder.path, 'data');
      giveFolder(folder.path, user);
      const checkout = lend();
      const use = async (): Promise<unknown> => {
        const { child, answer } = await startOwner(
          { dataDir, persistent: true },
          { user, checkout },
        );
        await endOwner(child, 'SIGTERM');
        await eventually(() => 'pid' in answer && alive([answer.pid]).length === 0);
        return answer;
      };

      const first = await use();
      const byRoot = await connects(dataDir);
      const second = await use();

      expect(first).toHaveProperty('connection');
      expect(byRoot).toBe(1);
      expect(second).toMatchObject({ connection: { password: expect.any(String) } });
    },
  );

  it.runIf(canLend)('of root is refused to an ordinary user with the reason', async () => {
    const dataDir = join(folder.path, 'data');
    await connects(dataDir);
    chmodSync(folder.path, 0o755);

    const { child, answer } = await startOwner(
      { dataDir, persistent: true },
      { checkout: lend(), ...(ordinary && { user: ordinary }) },
    );

    await endOwner(child, 'SIGTERM');
    expect(answer).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('permission denied'),
    });
  });

  it('is begun anew when its first start was cut short', async () => {
    const dataDir = join(folder.path, 'data');
    mkdirSync(join(dataDir, 'initdb-0badcafe'), { recursive: true });
    writeFileSync(join(dataDir, 'initdb-password-0badcafe'), 'x');

    expect(await connects(dataDir)).toBe(1);
    expect(readdirSync(dataDir).toSorted()).toEqual(['data', 'owner-1', 'state.json']);
  });

  it('with data of another major version is refused with what to do', async () => {
    mkdirSync(join(folder.path, 'data'));
    writeFileSync(join(folder.path, 'data/PG_VERSION'), '17\n');

    await expect(connects(folder.path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `embedded postgresql: the data in ${folder.path}/data were made by PostgreSQL 17, this service brings 18; dump them with the old version, or delete the folder to begin with an empty database`,
    });
  });

  it('that is a file is refused', async () => {
    writeFileSync(join(folder.path, 'file'), '');

    await expect(connects(join(folder.path, 'file'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is not a folder'),
    });
  });

  it('must be empty for a throw-away server, which would delete it', async () => {
    writeFileSync(join(folder.path, 'precious'), '');
    const start = startEmbeddedPostgres({ dataDir: folder.path, persistent: false });

    await expect(start).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is not empty'),
    });
    expect(readdirSync(folder.path)).toEqual(['precious']);
  });

  it('is free again after a start that failed on a wrong setting, with the server’s own words', async () => {
    const wrong = startEmbeddedPostgres({
      dataDir: folder.path,
      persistent: true,
      settings: { max_connections: 'many' },
    });

    await expect(wrong).rejects.toMatchObject({
      code: 'DB_UNAVAILABLE',
      message: expect.stringContaining('FATAL:  invalid value for parameter "max_connections"'),
    });
    expect(await connects(folder.path)).toBe(1);
  });
});
