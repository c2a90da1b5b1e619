import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { hostFiguresFunction } from '#database/provision/host-figures-function.ts';
import { HostFigures } from '#database/server/host-figures.ts';
import type { HostUse } from '#database/server/host-figures.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { Load } from '#test/support/chaos/load.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { withClient } from '#test/support/databases.ts';
import { CpuGroup, readProcessTree } from '#test/support/kernel-truth.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { FakeClock } from '#test/support/pool/fake-clock.ts';
import { ServerConnections } from '#test/support/server-connections.ts';
import { until } from '#test/support/until.ts';

const SESSIONS = 20;
/** Figures older than this are read anew. */
const MAX_AGE_MS = 15_000;
/** Of what the kernel says. */
const TOLERANCE = 0.05;
/** Of short sessions: ticks, and what is used between one look and the other. */
const SLACK_SECONDS = 0.1;

/** Sorts, hashes and counts. */
const WORK = 'select count(distinct n % 1000) from generate_series(1, 100000) as n';

let server: EmbeddedServer;
/** Undefined where the tests may not make one. */
let group: CpuGroup | undefined;
const connections = new ServerConnections();

beforeAll(async () => {
  server = await startOwnServer();
  group = CpuGroup.of(server.pid);
  await withClient(server.connection, async (client) => {
    for (const statement of hostFiguresFunction()) await client.query(statement);
    await client.query(`create role plain login password 'plain'`);
    await client.query('grant usage on schema tidegauge to plain');
    await client.query('grant execute on function tidegauge.host_figures() to plain');
  });
});
afterEach(async () => {
  await connections.closeAll();
});
afterAll(async () => {
  await server.stop();
  group?.[Symbol.dispose]();
});

/** Reads the figures as the service does, for a role that may nothing else, anew at every call. */
function reader(): () => Promise<HostUse> {
  const clock = new FakeClock();
  const figures = new HostFigures(
    connections.open({ ...server.connection, user: 'plain', password: 'plain' }, { clock }),
  );
  return () =>
    until('figures', async () => {
      await clock.advance(MAX_AGE_MS);
      return (await figures.report()).use;
    });
}

/** What the kernel has counted; of a group that there is not, nothing. */
const counted = () => ({
  group: group?.cpuSeconds ?? NaN,
  tree: readProcessTree(server.pid).cpuSeconds,
});

/** Sessions that have done something and stay, until they are ended. */
async function openSessions(count: number): Promise<() => Promise<unknown>> {
  const over = Promise.withResolvers<void>();
  const sessions = Array.from({ length: count }, () => {
    const opened = Promise.withResolvers<void>();
    const ended = withClient(server.connection, async (client) => {
      await client.query('select count(*) from pg_attribute');
      opened.resolve();
      await over.promise;
    });
    return { opened: opened.promise, ended };
  });
  await Promise.all(sessions.map(({ opened }) => opened));
  return async () => {
    over.resolve();
    await Promise.all(sessions.map(({ ended }) => ended));
  };
}

const apart = (told: number | undefined, truth: number) => Math.abs((told ?? NaN) - truth) / truth;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const megabytes = (bytes: number | undefined) => `${((bytes ?? NaN) / 1e6).toFixed(1)} MB`;
const seconds = (figure: number) => (Number.isNaN(figure) ? 'no group' : `${figure.toFixed(2)} s`);

describe('the CPU and memory of a server', () => {
  const figures = new Figures('host', 1);
  afterAll(figures.publish);

  it('are what the kernel counts of its processes', async () => {
    const read = reader();
    await read();

    const truthBefore = counted();
    const before = await read();
    const work = new Load(3, async () => {
      await withClient(server.connection, async (client) => {
        for (let n = 0; n < 5; n += 1) await client.query(WORK);
      });
      return true;
    });
    await delay(rounds.hostLoadMs);
    await work.stop();
    const after = await read();
    const truth = counted();
    const end = await openSessions(SESSIONS);
    const atRest = await read();
    const { pssBytes, rssBytes, processes } = readProcessTree(server.pid);
    await end();

    const cpu = after.cpuSeconds - before.cpuSeconds;
    const ofTree = truth.tree - truthBefore.tree;
    const ofGroup = truth.group - truthBefore.group;
    const memoryApart = apart(atRest.memoryBytes, pssBytes);
    figures.note('CPU by SQL', seconds(cpu));
    figures.note('of the process tree', `${seconds(ofTree)}, ${percent(apart(cpu, ofTree))}`);
    figures.note('of its cgroup', `${seconds(ofGroup)}, ${percent(apart(cpu, ofGroup))}`);
    figures.note(`memory by SQL, ${processes} processes`, megabytes(atRest.memoryBytes));
    figures.note('Σ Pss', `${megabytes(pssBytes)}, ${percent(memoryApart)}`);
    figures.control('Σ RSS', `${megabytes(rssBytes)}, ${percent(apart(rssBytes, pssBytes))}`);
    expect(before.source).toBe('processes');
    expect(apart(cpu, ofTree)).toBeLessThan(TOLERANCE);
    expect(group === undefined ? 0 : apart(cpu, ofGroup)).toBeLessThan(TOLERANCE);
    expect(memoryApart).toBeLessThan(TOLERANCE);
    expect(apart(rssBytes, pssBytes)).toBeGreaterThan(1);
  });

  it('never go back while sessions begin and end, and lose none of them', async () => {
    const read = reader();
    const told = [(await read()).cpuSeconds];
    const truthBefore = counted();

    let left = rounds.shortSessions;
    const coming = new Load(4, async () => {
      left -= 1;
      await withClient(server.connection, (client) => client.query('select 1'));
      return left > 0;
    });
    const reading = new Load(1, async () => {
      told.push((await read()).cpuSeconds);
      return true;
    });
    await coming.ended();
    await reading.stop();
    told.push((await read()).cpuSeconds);
    const truth = counted();

    const grown = (told.at(-1) ?? NaN) - (told[0] ?? NaN);
    const ofGroup = truth.group - truthBefore.group;
    figures.note(`CPU of ${rounds.shortSessions} short sessions`, seconds(grown));
    figures.note('of its cgroup', `${seconds(ofGroup)}, ${percent(apart(grown, ofGroup))}`);
    figures.note('readings meanwhile', told.length - 2);
    expect(told).toEqual(told.toSorted((one, other) => one - other));
    expect(grown).toBeGreaterThan(0);
    const missed = group === undefined ? 0 : Math.abs(grown - ofGroup);
    expect(missed).toBeLessThan(TOLERANCE * grown + SLACK_SECONDS);
  });
});
