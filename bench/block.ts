import { setTimeout as delay } from 'node:timers/promises';
import type { ChildServer } from './child-server.ts';
import { type Contestant, isTraced } from './contestant.ts';
import { load } from './load.ts';
import { percentile } from './statistics.ts';
import type { Workload } from './workload.ts';

/** What one block of requests to one contestant cost. */
export interface Block {
  readonly contestant: string;
  readonly workload: Workload['name'];
  readonly round: number;
  /** CPU time of the server's process, all threads, in microseconds a request. */
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssBytes: number;
}

/** A contestant that runs. */
export interface Participant {
  readonly contestant: Contestant;
  readonly server: ChildServer;
}

/** Longer than the exporters' delay: what a block has traced is paid for in its own figures. */
const SETTLE_MS = 700;

/** Loads a contestant with one block of requests, and says what it cost. */
export async function runBlock(
  { contestant, server }: Participant,
  workload: Workload,
  { round, requests }: { readonly round: number; readonly requests: number },
): Promise<Block> {
  const before = await server.usage();
  const { seconds, latencies } = await load(server.url, workload, requests);
  if (isTraced(contestant)) await delay(SETTLE_MS);
  const after = await server.usage();
  return {
    contestant: contestant.key,
    workload: workload.name,
    round,
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    perSecond: requests / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    rssBytes: after.rssBytes,
  };
}
