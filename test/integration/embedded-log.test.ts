import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { getDb } from '#database/session-manager.ts';
import { buildService } from '#service.ts';
import type { Service } from '#service.ts';
import { createLogger } from '#telemetry/logger.ts';

let dataDir: string;
let service: Service;
const lines: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidegauge-embedded-log-'));
  const { settings } = parseSettings({ NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'debug' });
  service = buildService(settings, {
    dataDir,
    logger: createLogger(
      { ...settings.log, format: 'json' },
      { write: (line) => void lines.push(line) },
    ),
  });
  await service.start();
  await service.ready();
});

afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the log of the embedded server, as the service passes it on', () => {
  it('is without statements that failed and what the server says of them, which quotes values', async () => {
    const sent = service.sessions.session(() => getDb().execute("select 'a secret name'::int"));

    await expect(sent).rejects.toMatchObject({ details: { sqlState: '22P02' } });
    await service.close();
    const passedOn = lines.filter((line) => line.includes('db.embedded.log'));
    // It came after the statement: whatever there was to say of that has been said.
    expect(passedOn.at(-1)).toContain('database system is shut down');
    expect(lines.filter((line) => line.includes('secret name'))).toEqual([]);
  });
});
