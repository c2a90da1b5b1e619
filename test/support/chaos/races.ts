import { errorCode } from '#test/support/error-code.ts';
import { Load } from './load.ts';
import { Tally } from './tally.ts';

const RACERS = 8;
const BYSTANDERS = 4;

/** What the racers and those beside them were told. */
export interface RaceReport {
  readonly racers: Tally;
  readonly bystanders: Tally;
}

/**
 * Runs `count` races, eight at a time, while four others work on the same pool, whom nothing that is done to the racers
 * may hurt.
 */
export async function race(
  count: number,
  racer: () => Promise<unknown>,
  bystander: () => Promise<unknown>,
): Promise<RaceReport> {
  const report = { racers: new Tally(), bystanders: new Tally() };
  let begun = 0;
  const races = new Load(RACERS, async () => {
    begun += 1;
    if (begun > count) return false;
    report.racers.add(await outcomeOf(racer()));
    return true;
  });
  const others = new Load(BYSTANDERS, async () => {
    report.bystanders.add(await outcomeOf(bystander()));
    return true;
  });
  await races.ended();
  await others.stop();
  return report;
}

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(() => 'done', errorCode);
}
