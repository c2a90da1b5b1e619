import { fileURLToPath } from 'node:url';
import { BenchDatabase } from './bench-database.ts';
import type { BenchOptions } from './bench-options.ts';
import type { Participant } from './block.ts';
import { ChildServer } from './child-server.ts';
import { type Contestant, isTraced } from './contestant.ts';
import { BASELINE } from './line-up.ts';
import { CONNECTIONS } from './load.ts';
import { machineLine } from './machine-line.ts';
import { report } from './report.ts';
import { runRounds } from './rounds.ts';
import { requireSameAnswers } from './same-answers.ts';
import { Scrapes } from './scrapes.ts';
import { workloads } from './workload.ts';

const POOL_SIZE = 10;
/** Of a contestant beside its pool: probes, figures of the server. */
const OTHER_CONNECTIONS = 5;
const SINK = fileURLToPath(new URL('otlp-sink.ts', import.meta.url));

/**
 * Starts everybody, measures, ends everybody, and resolves to the tables. Throws when a contestant fails a request,
 * answers otherwise than the others, or traces everything and exports nothing.
 */
export async function runBench(
  options: BenchOptions,
  folder: string,
  tell: (progress: string) => void,
): Promise<string> {
  const { contestants } = options;
  const deadline = performance.now() + options.limitMs;
  await using stack = new AsyncDisposableStack();
  const database = stack.use(
    await BenchDatabase.start(
      (POOL_SIZE + OTHER_CONNECTIONS) * contestants.length + OTHER_CONNECTIONS,
    ),
  );
  const routes = workloads(database.ids).filter(({ name }) => options.routes.includes(name));
  const sink = stack.use(
    await ChildServer.start({ name: 'sink', command: [SINK], env: {}, folder, readyPath: '/' }),
  );
  const participants: Participant[] = [];
  for (const contestant of contestants) {
    const server = await startContestant(contestant, { database, sink, folder, options });
    participants.push({ contestant, server: stack.use(server) });
  }
  await requireSameAnswers(participants, database.ids[0] ?? '');
  tell(`${participants.length} contestants have started`);

  using scrapes = new Scrapes(participants);
  const blocks = await runRounds(participants, routes, { ...options, deadline, tell });
  scrapes.requireNoFailure();
  await requireExports(contestants, sink);

  const rounds = blocks.at(-1)?.round ?? 0;
  return report({
    blocks,
    contestants,
    workloads: routes,
    baseline: BASELINE,
    preface: [
      machineLine(database.version),
      `Rounds, interleaved: ${rounds}; ${options.requests} requests a block over ${CONNECTIONS} connections; pools of ${POOL_SIZE}. Median (least–most).`,
    ],
  });
}

async function startContestant(
  contestant: Contestant,
  {
    database,
    sink,
    folder,
    options,
  }: {
    readonly database: BenchDatabase;
    readonly sink: ChildServer;
    readonly folder: string;
    readonly options: BenchOptions;
  },
): Promise<ChildServer> {
  const { key, command, env } = contestant;
  const profile =
    options.profileFolder === undefined
      ? []
      : [
          '--cpu-prof',
          `--cpu-prof-dir=${options.profileFolder}`,
          `--cpu-prof-name=${key}.cpuprofile`,
        ];
  return await ChildServer.start({
    name: key,
    command: [...profile, ...command],
    env: {
      NODE_ENV: 'production',
      DATABASE_URL: await database.copy(`bench_${key.replaceAll('-', '_')}`),
      DB_POOL_SIZE: String(POOL_SIZE),
      DB_MAX_OVERFLOW: '0',
      // Its presence alone switches tracing on.
      ...(isTraced(contestant) && { OTEL_EXPORTER_OTLP_ENDPOINT: `${sink.url}/${key}` }),
      ...env,
    },
    folder,
    readyPath: '/users?limit=1',
  });
}

/** Throws when somebody who traces every request has sent no spans: it would be measured without. */
async function requireExports(
  contestants: readonly Contestant[],
  sink: ChildServer,
): Promise<void> {
  const bytes: unknown = await (await fetch(sink.url)).json();
  const silent = contestants
    .filter((contestant) => isTraced(contestant) && contestant.tracing !== '1 %')
    .filter(({ key }) => !(Number(Reflect.get(Object(bytes), key)) > 0));
  if (silent.length > 0) {
    throw new Error(`no spans came from ${silent.map(({ key }) => key).join(', ')}`);
  }
}
