import type { Block, Participant } from './block.ts';
import { runBlock } from './block.ts';
import { load } from './load.ts';
import type { Workload } from './workload.ts';

export interface RoundsOptions {
  readonly rounds: number;
  /** Requests of a block. */
  readonly requests: number;
  /** Requests of a route before anything is measured. */
  readonly warmUp: number;
  /** No round begins after this, in milliseconds of `performance.now()`; the first one always does. */
  readonly deadline: number;
  readonly tell: (progress: string) => void;
}

/**
 * Warms everybody up, then measures in rounds: in each, every route, and on it every contestant one after the other,
 * so that a machine that gets slower or faster does so for all. Each round begins with another contestant.
 */
export async function runRounds(
  participants: readonly Participant[],
  workloads: readonly Workload[],
  { rounds, requests, warmUp, deadline, tell }: RoundsOptions,
): Promise<readonly Block[]> {
  for (const workload of workloads) {
    for (const { server } of participants) {
      await load(server.url, workload, warmUp);
    }
  }
  tell('warm');
  const blocks: Block[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    if (round > 1 && performance.now() > deadline) break;
    const start = round % participants.length;
    const turn = [...participants.slice(start), ...participants.slice(0, start)];
    for (const workload of workloads) {
      for (const participant of turn) {
        blocks.push(await runBlock(participant, workload, { round, requests }));
      }
    }
    tell(`round ${round} of ${rounds}`);
  }
  return blocks;
}
