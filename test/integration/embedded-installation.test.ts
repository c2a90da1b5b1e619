import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unprivilegedUser } from '#database/embedded/server-user.ts';
import {
  alive,
  BINARIES_PACKAGE,
  BINARY_LINKS,
  copyCheckout,
  endOwner,
  eventually,
  giveFolder,
  startOwner,
  temporaryFolder,
} from '#test/support/embedded-owner.ts';
import { needs } from '#test/support/needs.ts';

const isRoot = process.geteuid?.() === 0;
const ordinary = isRoot ? unprivilegedUser(readFileSync('/etc/passwd', 'utf8')) : undefined;

describe('an installation whose install scripts were blocked', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let checkout = '';
  beforeEach(() => {
    folder = temporaryFolder('installation');
    checkout = join(folder.path, 'a checkout');
    copyCheckout(checkout);
    mkdirSync(join(folder.path, 'tmp'), { mode: 0o1777 });
    chmodSync(join(folder.path, 'tmp'), 0o1777);
  });
  afterEach(() => folder.remove());
  const hasLinks = (root: string): boolean =>
    BINARY_LINKS.every(({ target }) => existsSync(join(root, target)));
  const copies = (): string[] =>
    readdirSync(join(folder.path, 'tmp')).filter((name) =>
      name.startsWith('tidegauge-postgresql-'),
    );
  const starts = async (
    names: readonly string[],
    user?: { uid: number; gid: number },
  ): Promise<unknown[]> => {
    const owners = await Promise.all(
      names.map((name) =>
        startOwner(
          { dataDir: join(folder.path, 'tmp', name), persistent: true },
          { checkout, tmp: join(folder.path, 'tmp'), ...(user && { user }) },
        ),
      ),
    );
    await Promise.all(owners.map(({ child }) => endOwner(child, 'SIGTERM')));
    await eventually(() =>
      owners.every(({ answer }) => !('pid' in answer) || alive([answer.pid]).length === 0),
    );
    return owners.map(({ answer }) => ('pid' in answer ? 'started' : answer.message));
  };

  it('is completed by the first start, several at once included', async () => {
    chmodSync(folder.path, 0o755);

    expect(hasLinks(join(checkout, BINARIES_PACKAGE))).toBe(false);
    expect(await starts(['one', 'two', 'three'])).toEqual(['started', 'started', 'started']);
    expect(hasLinks(join(checkout, BINARIES_PACKAGE))).toBe(true);
    expect(copies()).toEqual([]);
  });

  it.runIf(needs(isRoot, 'root'))(
    'in the closed home directory of root is run from one copy in a folder that the server reaches',
    async () => {
      chmodSync(checkout, 0o700);
      chmodSync(folder.path, 0o755);

      expect(await starts(['one', 'two'])).toEqual(['started', 'started']);
      expect(copies()).toHaveLength(1);
      expect(await starts(['one'])).toEqual(['started']);
      expect(copies()).toHaveLength(1);
    },
  );

  it.runIf(needs(ordinary !== undefined, 'root, to act as an ordinary user'))(
    'that the user may not write is run from one copy with the links',
    async () => {
      chmodSync(folder.path, 0o755);
      giveFolder(join(folder.path, 'tmp'), ordinary ?? { uid: 0, gid: 0 });

      expect(await starts(['one', 'two'], ordinary)).toEqual(['started', 'started']);
      expect(hasLinks(join(checkout, BINARIES_PACKAGE))).toBe(false);
      expect(copies()).toHaveLength(1);
    },
  );
});
