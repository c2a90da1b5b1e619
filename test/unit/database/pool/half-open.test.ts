import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { HalfOpenReport } from '#test/support/half-open-query.ts';
import { needs } from '#test/support/needs.ts';
import { runCommand } from '#test/support/run-command.ts';

const QUERY = fileURLToPath(import.meta.resolve('#test/support/half-open-query.ts'));

/** Whether this flag of `unshare` gives a program a network of its own, which it may take down. */
const isolates = async (flag: string) =>
  await runCommand(['unshare', flag, 'ip', 'link', 'set', 'lo', 'up']).then(
    ({ code }) => code === 0,
    () => false,
  );
/** As root, and as anybody. */
const [asRoot, asAnybody] = [await isolates('-n'), await isolates('-rn')];
const isThere = needs(
  asRoot || asAnybody,
  'a network of its own: unshare and ip, and root or user namespaces',
);

it.runIf(isThere)(
  'F10: a query whose peer has vanished fails by keepalive within 20 s, where plain pg waits on',
  { timeout: 60_000 },
  async () => {
    const { code, stdout, stderr } = await runCommand([
      'unshare',
      asRoot ? '-n' : '-rn',
      process.execPath,
      QUERY,
    ]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { pool, plain }: HalfOpenReport = JSON.parse(stdout);
    expect(pool).toEqual({
      code: 'DB_CONNECTION_LOST',
      failedMs: expect.any(Number),
      used: 0,
    });
    expect(pool.failedMs).toBeLessThan(20_000);
    // The control: without keepalives nobody ever learns of it.
    expect(plain).toBe('waits');
  },
);
