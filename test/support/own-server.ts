import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';

/**
 * Starts a throw-away server for one test, of the version that its project runs on: it may be killed, and comes back on
 * the same port. Its files go when it is stopped; `log` is told every line of its log.
 */
export async function startOwnServer(
  settings: Readonly<Record<string, string>> = {},
  log: (line: string) => void = () => undefined,
): Promise<EmbeddedServer> {
  const { binDir } = inject('postgres');
  return await startEmbeddedPostgres({
    dataDir: await mkdtemp(join(tmpdir(), 'tidegauge-own-')),
    persistent: false,
    settings,
    log,
    ...(binDir !== undefined && { binDir }),
  });
}
