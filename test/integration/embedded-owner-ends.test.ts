import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { processTable } from '#database/embedded/process-table.ts';
import { folderLabel } from '#database/embedded/server-label.ts';
import {
  alive,
  endOwner,
  eventually,
  serverPids,
  startOwner,
  temporaryFolder,
} from '#test/support/embedded-owner.ts';
import type { OwnerAnswer } from '#test/support/embedded-owner.ts';

function started(answer: OwnerAnswer): Extract<OwnerAnswer, { pid: number }> {
  if ('pid' in answer) return answer;
  throw new Error(answer.message);
}

async function watchdogOf(dataDir: string): Promise<number> {
  const mark = `tidegauge-watch ${folderLabel(dataDir)}`;
  const found = (await processTable()).find(({ command }) => command.startsWith(mark));
  return found?.pid ?? 0;
}

describe('the end of the process that owns an embedded server', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'by %s leaves no process and no throw-away folder',
    async (signal) => {
      const folder = temporaryFolder('owner');
      const { child, answer } = await startOwner({ dataDir: folder.path, persistent: false });
      const { pid, connection } = started(answer);
      const pids = [...(await serverPids(pid, connection)), await watchdogOf(folder.path)];
      expect(alive([pid])).toEqual([pid]);

      await endOwner(child, signal);

      await expect(
        eventually(() => alive(pids).length === 0 && !existsSync(folder.path)),
      ).resolves.toBeUndefined();
    },
  );

  it('during its first start leaves nothing either', async () => {
    const folder = temporaryFolder('owner');
    const owner = startOwner({ dataDir: folder.path, persistent: false });
    owner.catch(() => undefined);
    const mine = async (): Promise<string[]> =>
      (await processTable())
        .map(({ command }) => command)
        .filter((command) => command.includes(folder.path));
    await eventually(async () => (await mine()).some((command) => command.includes('initdb')));
    const pid = (await processTable()).find(
      ({ command }) => command.includes('--input-type=module') && command.includes(folder.path),
    )?.pid;

    process.kill(pid ?? 0, 'SIGKILL');

    await expect(owner).rejects.toThrow('SIGKILL');
    await eventually(async () => (await mine()).length === 0 && !existsSync(folder.path));
  });

  it('together with its watchdog leaves a server, which the next start in the folder ends', async () => {
    const folder = temporaryFolder('owner');
    const { child, answer } = await startOwner({ dataDir: folder.path, persistent: true });
    const { pid, connection } = started(answer);
    process.kill(await watchdogOf(folder.path), 'SIGKILL');
    await endOwner(child, 'SIGKILL');
    await delay(500);
    const orphan = alive([pid]);

    const next = await startEmbeddedPostgres({ dataDir: folder.path, persistent: true });

    expect(orphan).toEqual([pid]);
    expect(alive([pid])).toEqual([]);
    expect(next.connection).toEqual(connection);
    await next.stop();
    folder.remove();
  });

  it('is noticed by a new watchdog when somebody has killed the first one', async () => {
    const folder = temporaryFolder('owner');
    const { child, answer } = await startOwner({ dataDir: folder.path, persistent: false });
    const first = await watchdogOf(folder.path);
    process.kill(first, 'SIGKILL');
    await eventually(async () => ![0, first].includes(await watchdogOf(folder.path)));

    await endOwner(child, 'SIGKILL');

    const isGone = (): boolean =>
      alive([started(answer).pid]).length === 0 && !existsSync(folder.path);
    await expect(eventually(isGone)).resolves.toBeUndefined();
  });

  it('is not needed for its end: stop leaves no process, not even the watchdog', async () => {
    const folder = temporaryFolder('owner');
    const server = await startEmbeddedPostgres({ dataDir: folder.path, persistent: false });
    const watchdog = await watchdogOf(folder.path);
    const pids = [...(await serverPids(server.pid, server.connection)), watchdog];

    await server.stop();

    expect(watchdog).toBeGreaterThan(0);
    expect(alive(pids)).toEqual([]);
    expect(existsSync(folder.path)).toBe(false);
  });
});
