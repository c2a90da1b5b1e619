import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseExposition } from '#test/support/exposition.ts';
import { runCommand } from '#test/support/run-command.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { hasPrograms } from '#test/support/system/programs.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const FORMATS = { text: 'text/plain', openmetrics: 'application/openmetrics-text' } as const;
const SCRAPES = 100;

let folder: string;
let database: TestDatabase;
let service: ServiceProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegauge-exposition-'));
  database = await TestDatabase.create();
  service = await ServiceProcess.start({ env: { DATABASE_URL: database.url } });
  await service.logged('service.ready');
});

afterAll(async () => {
  await service.end();
  await database.drop();
  await rm(folder, { recursive: true });
});

async function scrape(format: keyof typeof FORMATS): Promise<string> {
  const response = await fetch(`${service.url}/metrics`, { headers: { accept: FORMATS[format] } });
  expect(response.headers.get('content-type')).toContain(FORMATS[format]);
  return await response.text();
}

/** Requests of every kind of outcome. */
async function useService(): Promise<void> {
  const paths = ['/users', '/users?limit=0', '/users/nobody', '/teams?include=members', '/nowhere'];
  await Promise.all(paths.map((path) => fetch(service.url + path)));
}

/** promtool reads its standard input. */
const CHECK = 'exec promtool check metrics <"$1"';

/** What promtool complains of and stays: names of OpenTelemetry, postgres_exporter and prom-client. */
const EXCEPTIONS = [
  'db_client_connection_count non-histogram and non-summary metrics should not have "_count" suffix',
  'nodejs_active_handles_total non-counter metrics should not have "_total" suffix',
  'nodejs_active_requests_total non-counter metrics should not have "_total" suffix',
  'nodejs_active_resources_total non-counter metrics should not have "_total" suffix',
  'pg_stat_activity_count non-histogram and non-summary metrics should not have "_count" suffix',
];

describe('the metrics of a running service', () => {
  it('are well formed in either format, whichever was asked for before', async () => {
    const names = new Set<string>();

    for (let round = 0; round < SCRAPES; round += 1) {
      await useService();
      for (const format of ['text', 'openmetrics'] as const) {
        const families = parseExposition(await scrape(format), format);
        names.add(
          families
            .map(({ name, type }) =>
              type === 'counter' && format === 'text' ? name.replace(/_total$/, '') : name,
            )
            .toSorted()
            .join(' '),
        );
      }
    }

    expect([...names]).toHaveLength(1);
  });

  it.runIf(hasPrograms('promtool'))(
    'pass promtool check metrics, with known exceptions',
    async () => {
      await useService();
      const file = join(folder, 'metrics.txt');
      await writeFile(file, await scrape('text'));

      const { stdout, stderr } = await runCommand(['sh', '-c', CHECK, 'sh', file]);

      const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
      expect(complaints).toEqual(EXCEPTIONS);
    },
  );
});
