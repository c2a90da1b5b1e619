import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** The lines to try, as printed. */
const [, lines = ''] =
  /^## Try it\n\n```bash\n([^]*?)^```$/m.exec(readFileSync('README.md', 'utf8')) ?? [];

let database: TestDatabase;
let service: ServiceProcess;

beforeAll(async () => {
  database = await TestDatabase.create();
  service = await ServiceProcess.start({ env: { DATABASE_URL: database.url } });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

describe('the lines of the README', () => {
  it('create, refuse, list, read, change and delete as they are printed', async () => {
    const printed = 'http://127.0.0.1:3000';

    const { stdout } = await run('bash', [
      '-euo',
      'pipefail',
      '-c',
      lines.replaceAll(printed, service.url),
    ]);
    const [duplicate, listed, read, changed, lastOwner, ...deleted] = stdout.trimEnd().split('\n');

    expect(lines.split(printed)).toHaveLength(10);
    expect(JSON.parse(duplicate ?? '')).toMatchObject({ status: 409, code: 'DB_UNIQUE' });
    expect(JSON.parse(listed ?? '')).toMatchObject({ items: [{ email: 'joan@example.com' }] });
    expect(JSON.parse(read ?? '')).toMatchObject({ name: 'Joan Clarke' });
    expect(JSON.parse(changed ?? '')).toMatchObject({ name: 'Joan Elisabeth Clarke' });
    expect(JSON.parse(lastOwner ?? '')).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect(deleted).toStrictEqual(['204', '204']);
  });

  it('leave no row behind, and no value of one in the log', async () => {
    expect(await database.query('select * from users')).toStrictEqual([]);
    expect(await database.query('select * from teams')).toStrictEqual([]);
    expect(service.output).toContain('"POST"');
    expect(service.output).not.toMatch(/joan|hut 8/i);
  });
});
