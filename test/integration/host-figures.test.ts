import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { hostFiguresFunction } from '#database/provision/host-figures-function.ts';
import { HostFigures } from '#database/server/host-figures.ts';
import { takeSnapshot } from '#database/server/server-snapshot.ts';
import { withClient } from '#test/support/databases.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { until } from '#test/support/until.ts';

/** Older than this they are read anew. */
const MAX_AGE_MS = 14_000;

let server: EmbeddedServer;
const connections = new ServerConnections();

beforeAll(async () => {
  server = await startOwnServer();
  await run(`create role plain login password 'plain'`);
});
beforeEach(async () => {
  await run('drop schema if exists tidegauge cascade');
});
afterEach(async () => {
  await connections.closeAll();
});
afterAll(async () => {
  await server.stop();
});

async function run(...statements: readonly string[]): Promise<void> {
  await withClient(server.connection, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

const GRANT = [
  'grant usage on schema tidegauge to plain',
  'grant execute on function tidegauge.host_figures() to plain',
];
const provision = () => run(...hostFiguresFunction(), ...GRANT);

/** In the place of what the kernel says: what `body` does. */
const provisionAs = (body: string) =>
  run(
    ...hostFiguresFunction(),
    ...GRANT,
    `create or replace function tidegauge.host_figures(
      out source text, out refusal text, out cpu_seconds float8, out memory_bytes float8,
      out cpu_cores float8, out memory_limit_bytes float8)
    language plpgsql as $$ begin ${body} end $$`,
  );
const provisionCpu = (cpuSeconds: number) =>
  provisionAs(`source := 'processes'; cpu_seconds := ${cpuSeconds}; memory_bytes := 1;`);

/** Figures as the service has them, for a role with no rights but to log in, and what was told of them. */
function watch() {
  const clock = new FakeClock();
  const connection = connections.open(
    { ...server.connection, user: 'plain', password: 'plain' },
    { clock },
  );
  const told: [fault: string, advice: string][] = [];
  const figures = new HostFigures(connection, (fault, advice) => void told.push([fault, advice]));
  return {
    connection,
    clock,
    told,
    report: () => figures.report(),
    /** When what was read is too old. */
    async nextReport() {
      await clock.advance(MAX_AGE_MS);
      return await figures.report();
    },
  };
}

describe('CPU and memory of a server', () => {
  it('are its own', async () => {
    await provision();
    const { report, told } = watch();

    expect(await report()).toEqual({
      use: {
        source: 'processes',
        cpuSeconds: expect.any(Number),
        memoryBytes: expect.any(Number),
        cpuCores: expect.any(Number),
        memoryLimitBytes: expect.any(Number),
      },
      fault: undefined,
    });
    expect(told).toEqual([]);
  });

  it('are read once in 14 s, however many want them', async () => {
    await run(
      'create sequence public.readings',
      'grant usage on sequence public.readings to plain',
    );
    await provisionAs(`source := 'processes'; cpu_seconds := nextval('public.readings');`);
    const { clock, report, nextReport } = watch();
    const fifty = async () => {
      const reports = await Promise.all(Array.from({ length: 50 }, report));
      return [...new Set(reports.map(({ use }) => use?.cpuSeconds))];
    };

    const first = await fifty();
    await clock.advance(MAX_AGE_MS - 1);
    const second = await fifty();
    await nextReport();

    expect([first, second, await fifty()]).toEqual([[1], [1], [2]]);
    await run('drop sequence public.readings');
  });

  it('never go back while the server runs, and begin anew with it', async () => {
    const { report, nextReport } = watch();
    const readings: (number | undefined)[] = [];
    for (const cpuSeconds of [10, 9.5, 10.25, 3]) {
      await provisionCpu(cpuSeconds);
      readings.push((await nextReport()).use?.cpuSeconds);
    }
    const before = server.pid;
    process.kill(before, 'SIGKILL');
    await until('it runs again', async () => {
      await run('select 1');
      return server.pid !== before || undefined;
    });
    await nextReport();
    const after = await until('figures', async () => (await nextReport()).use?.cpuSeconds);

    expect(readings).toEqual([10, 10, 10.25, 10.25]);
    expect(after).toBe(3);
    expect((await report()).use?.cpuSeconds).toBe(3);
  });
});

describe('CPU and memory that cannot be had', () => {
  it('are absent, for a reason that is told once, and there when the database is provisioned', async () => {
    const { report, nextReport, told } = watch();

    const before = [await report(), await nextReport(), await nextReport()];
    await run(...hostFiguresFunction());
    const ungranted = await nextReport();
    await run(...GRANT);
    const after = await nextReport();

    expect(before).toEqual(
      Array.from({ length: 3 }, () => ({ use: undefined, fault: 'not_provisioned' })),
    );
    expect(ungranted).toEqual({ use: undefined, fault: 'refused' });
    expect(after).toMatchObject({ use: { source: 'processes' }, fault: undefined });
    expect(told).toEqual([
      ['not_provisioned', expect.stringContaining('npm run db:provision')],
      ['refused', expect.stringContaining('npm run db:provision')],
    ]);
  });

  it.each([
    ['refused', `refusal := 'refused';`],
    ['unsupported', `refusal := 'unsupported';`],
  ])('are %s by the system of the server', async (fault, body) => {
    await provisionAs(body);
    const { report, told } = watch();

    expect(await report()).toEqual({ use: undefined, fault });
    expect(told).toEqual([[fault, expect.stringMatching(/./)]]);
  });

  it('are memory alone, where CPU is known', async () => {
    await provisionAs(`source := 'processes'; cpu_seconds := 4; cpu_cores := 2;`);
    const { report, told } = watch();

    expect(await report()).toMatchObject({
      use: { cpuSeconds: 4, memoryBytes: undefined, cpuCores: 2 },
      fault: 'incomplete',
    });
    expect(told).toEqual([['incomplete', expect.stringContaining('only CPU')]]);
  });

  it('cost neither the connection nor other figures, where the role may not have them', async () => {
    await run(...hostFiguresFunction());
    const { connection, report, nextReport } = watch();
    const backend = async () =>
      await connection.ask<{ pid: number }>('select pg_backend_pid() as pid');

    const before = await backend();
    await report();
    await nextReport();

    expect(await backend()).toEqual(before);
  });

  it('are given up when they take too long, without the other figures', async () => {
    await provisionAs('perform pg_sleep(30);');
    const { connection, report, nextReport, told } = watch();

    const slow = await report();
    // A new connection, which a busy machine does not open at once.
    const { version } = await until('a snapshot', () => takeSnapshot(connection));
    const again = await nextReport();
    await provision();
    const after = await until('figures', async () => {
      const found = await nextReport();
      return found.use && found;
    });

    expect([slow, again]).toEqual([
      { use: undefined, fault: 'failed' },
      { use: undefined, fault: 'failed' },
    ]);
    expect(version).toMatch(/^\d/);
    expect(told).toEqual([['failed', expect.stringMatching(/./)]]);
    expect(after).toMatchObject({ use: { source: 'processes' }, fault: undefined });
  });
});
