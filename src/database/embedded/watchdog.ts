// Entry of a process of its own, started by start-watchdog.ts: it outlives a service that is killed.
import { rm } from 'node:fs/promises';

import { endServerProcesses } from './server-processes.ts';

const [label, graceMs, throwAway] = process.argv.slice(2);
if (label === undefined || graceMs === undefined)
  throw new Error('bug: the watchdog needs a label and a grace');

// A name of its own, so that `killall node` after the service does not hit it as well.
process.title = `tidegauge-watch ${label}`;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

// The other end of standard input is held by the service alone; it closes with the service's death.
process.stdin.resume();
for (const event of ['end', 'error'] as const) {
  process.stdin.once(event, () => void cleanUp(label, Number(graceMs)));
}

async function cleanUp(mark: string, grace: number): Promise<void> {
  await endServerProcesses(mark, grace);
  if (throwAway !== undefined) {
    await rm(throwAway, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
