import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { KeepAliveClient, nameOfExchange } from './keep-alive-client.ts';
import { Load } from './load.ts';
import { type Ending, ServiceProcess } from '#test/support/service-process.ts';
import type { Tally } from './tally.ts';
import type { WriteHistory } from './write-history.ts';

const CLIENTS = 50;
/** Longest pause between two requests: some connections are idle at any moment, and those are the ones that break. */
const THINK_MS = 100;

/** One stop of a service that serves fifty keep-alive clients. */
export interface StopUnderLoad {
  readonly env: Readonly<Record<string, string>>;
  readonly signal: NodeJS.Signals;
  readonly random: () => number;
  readonly history: WriteHistory;
  readonly answers: Tally;
}

/** Stops one service after the other. */
export async function stopAgainAndAgain(count: number, stop: StopUnderLoad): Promise<Stop[]> {
  const stops: Stop[] = [];
  while (stops.length < count) stops.push(await stopUnderLoad(stop));
  return stops;
}

/** How the process ended, and how long after the signal. */
export interface Stop extends Ending {
  readonly stopMs: number;
}

/**
 * Starts the service, sends it the signal at a random moment under load, and resolves when it and its clients have
 * ended. A client whose connection is closed in order opens another; one that is refused has come too late and ends.
 */
export async function stopUnderLoad(stop: StopUnderLoad): Promise<Stop> {
  await using service = await ServiceProcess.start({ env: stop.env });
  await service.logged('service.ready');
  const clients = Array.from({ length: CLIENTS }, () => new KeepAliveClient(service.url));
  let turn = 0;
  const load = new Load(CLIENTS, async (lane) => {
    turn += 1;
    const client = clients[lane];
    const email = `${randomUUID()}@chaos.example`;
    const isWrite = turn % 4 === 0;
    const exchange = isWrite
      ? await client?.send('POST', '/users', { email, name: 'Ada' })
      : await client?.send('GET', '/users?limit=3');
    if (exchange === undefined || exchange.kind === 'refused') return false;
    stop.answers.add(nameOfExchange(exchange));
    if (isWrite) stop.history.add(email, exchange);
    await delay(stop.random() * THINK_MS);
    return exchange.kind === 'answer';
  });

  await delay(300 + stop.random() * 500);
  service.signal(stop.signal);
  const signalledAt = performance.now();
  const ending = await service.ended;
  const stopMs = performance.now() - signalledAt;
  await load.ended();
  for (const client of clients) client.close();
  return { ...ending, stopMs };
}
