import { afterAll, describe, expect, it } from 'vitest';
import { hostFiguresFunction } from '#database/provision/host-figures-function.ts';
import { HostFigures } from '#database/server/host-figures.ts';
import type { HostUse } from '#database/server/host-figures.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { Load } from '#test/support/chaos/load.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { withClient } from '#test/support/databases.ts';
import { CpuGroup, readProcessTree } from '#test/support/kernel-truth.ts';
import type { ProcessTree } from '#test/support/kernel-truth.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';

const SESSIONS = 20;
/** Figures older than this are read anew. */
const MAX_AGE_MS = 15_000;
const TOLERANCE = 0.05;

/** Sorts, hashes and counts; parallel workers come and go with it. */
const WORK = `select count(*), count(distinct n % 1000) from generate_series(1, 100000) as n`;

/** What the provisioning does, for a role that may nothing else. */
async function provide(address: TestServerAddress): Promise<void> {
  await withClient(address, async (client) => {
    for (const statement of hostFiguresFunction()) await client.query(statement);
    await client.query(`create role plain login password 'plain'`);
    await client.query('grant usage on schema tidegauge to plain');
    await client.query('grant execute on function tidegauge.host_figures() to plain');
  });
}

/** The server's use as the service reads it, as a plain role, anew at every call. */
function reader(connections: ServerConnections, address: TestServerAddress) {
  const clock = new FakeClock();
  const figures = new HostFigures(
    connections.open({ ...address, user: 'plain', password: 'plain' }, { clock }),
  );
  return async (): Promise<Required<HostUse>> => {
    await clock.advance(MAX_AGE_MS);
    const { use, fault } = await figures.report();
    if (use === undefined) throw new Error(`no figures: ${fault}`);
    return use;
  };
}

const apart = (told: number | undefined, true_: number) => Math.abs((told ?? NaN) - true_) / true_;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const megabytes = (bytes: number | undefined) => `${((bytes ?? NaN) / 1e6).toFixed(1)} MB`;
const seconds = (figure: number) => `${figure.toFixed(2)} s`;

describe(`the server's CPU and memory under load of ${rounds.hostCpuSeconds} s`, () => {
  const figures = new Figures('host', 1);
  afterAll(figures.publish);

  it('are what the kernel counts of its processes', async () => {
    const connections = new ServerConnections();
    const server = await startOwnServer();
    const group = CpuGroup.of(server.pid);
    try {
      await provide(server.connection);
      const read = reader(connections, server.connection);
      await read();

      const used = (before: ProcessTree) =>
        readProcessTree(server.pid).cpuSeconds - before.cpuSeconds;
      const [treeBefore, groupBefore] = [readProcessTree(server.pid), group?.cpuSeconds];
      const before = await read();
      const work = new Load(3, async (lane) => {
        await withClient(server.connection, async (client) => {
          for (let n = 0; n < 5; n += 1) await client.query(WORK);
        });
        return lane >= 0;
      });
      await until(
        'enough CPU is used',
        () => used(treeBefore) > rounds.hostCpuSeconds || undefined,
        100_000,
      );
      await work.stop();
      const after = await read();
      const [treeAfter, groupAfter] = [readProcessTree(server.pid), group?.cpuSeconds];
      const held = await Promise.all(
        Array.from({ length: SESSIONS }, async () => {
          const opened = Promise.withResolvers<void>();
          const over = Promise.withResolvers<void>();
          const ended = withClient(server.connection, async (client) => {
            await client.query('select count(*) from pg_attribute');
            opened.resolve();
            await over.promise;
          });
          await opened.promise;
          return { end: () => (over.resolve(), ended) };
        }),
      );
      const atRest = await read();
      const treeAtRest = readProcessTree(server.pid);
      await Promise.all(held.map(({ end }) => end()));

      const cpu = after.cpuSeconds - before.cpuSeconds;
      const treeCpu = treeAfter.cpuSeconds - treeBefore.cpuSeconds;
      figures.note('CPU by SQL', seconds(cpu));
      figures.note('of the process tree', `${seconds(treeCpu)}, ${percent(apart(cpu, treeCpu))}`);
      if (groupBefore !== undefined && groupAfter !== undefined) {
        const groupCpu = groupAfter - groupBefore;
        figures.note('of its cgroup', `${seconds(groupCpu)}, ${percent(apart(cpu, groupCpu))}`);
        expect(apart(cpu, groupCpu)).toBeLessThan(TOLERANCE);
      }
      const { pssBytes, rssBytes, processes } = treeAtRest;
      figures.note(`memory by SQL, ${processes} processes`, megabytes(atRest.memoryBytes));
      figures.note(
        'Σ Pss',
        `${megabytes(pssBytes)}, ${percent(apart(atRest.memoryBytes, pssBytes))}`,
      );
      figures.control('Σ RSS', `${megabytes(rssBytes)}, ${percent(apart(rssBytes, pssBytes))}`);
      expect(before.source).toBe('processes');
      expect(apart(cpu, treeCpu)).toBeLessThan(TOLERANCE);
      expect(apart(atRest.memoryBytes, pssBytes)).toBeLessThan(TOLERANCE);
      expect(apart(rssBytes, pssBytes)).toBeGreaterThan(1);
    } finally {
      await connections.closeAll();
      await server.stop();
      group?.[Symbol.dispose]();
    }
  });

  it('never go back while sessions begin and end, and lose none of them', async () => {
    const connections = new ServerConnections();
    const server = await startOwnServer();
    const group = CpuGroup.of(server.pid);
    try {
      await provide(server.connection);
      const read = reader(connections, server.connection);
      const seen = [await read()];
      const groupBefore = group?.cpuSeconds;

      let left = rounds.shortSessions;
      const coming = new Load(4, async () => {
        left -= 1;
        await withClient(server.connection, (client) => client.query('select 1'));
        return left > 0;
      });
      let isOver = false;
      void coming.ended().then(() => (isOver = true));
      while (!isOver) seen.push(await read());
      await coming.ended();
      seen.push(await read());
      const groupAfter = group?.cpuSeconds;

      const told = seen.map(({ cpuSeconds }) => cpuSeconds);
      const grown = (told.at(-1) ?? NaN) - (told[0] ?? NaN);
      figures.note(
        `CPU of ${rounds.shortSessions} short sessions, in ${told.length} readings`,
        seconds(grown),
      );
      expect(told).toEqual(told.toSorted((one, other) => one - other));
      expect(grown).toBeGreaterThan(0);
      if (groupBefore !== undefined && groupAfter !== undefined) {
        figures.note('of its cgroup', seconds(groupAfter - groupBefore));
        expect(apart(grown, groupAfter - groupBefore)).toBeLessThan(TOLERANCE);
      }
    } finally {
      await connections.closeAll();
      await server.stop();
      group?.[Symbol.dispose]();
    }
  });
});
