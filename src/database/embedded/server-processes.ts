import { setTimeout as delay } from 'node:timers/promises';

import { processTable } from './process-table.ts';
import { roleOf } from './server-label.ts';

const POLL_MS = 20;
// After SIGQUIT a postmaster gives its children 5 s before it kills them; we need not wait for that.
const QUIT_GRACE_MS = 1_000;
const KILL_GRACE_MS = 5_000;

/** The living processes of the server or servers marked by `label`; the main one has no parent of ours. */
export async function serverProcesses(
  label: string,
): Promise<readonly { readonly pid: number; readonly role: 'main' | 'child' }[]> {
  return (await processTable()).flatMap(({ pid, command }) => {
    const role = roleOf(command, label);
    return role === undefined ? [] : [{ pid, role }];
  });
}

/**
 * Ends every process marked by `label`: a fast shutdown for `graceMs`, then an immediate one, then
 * SIGKILL. Resolves when none is left, or after the deadlines with false.
 */
export async function endServerProcesses(label: string, graceMs: number): Promise<boolean> {
  return (
    (await signalUntilGone(label, 'SIGINT', graceMs)) ||
    (await signalUntilGone(label, 'SIGQUIT', QUIT_GRACE_MS)) ||
    (await killServerProcesses(label))
  );
}

/** Kills every process marked by `label` and resolves when none is left, or with false after 5 s. */
export async function killServerProcesses(label: string): Promise<boolean> {
  const until = performance.now() + KILL_GRACE_MS;
  for (;;) {
    // Read again each time: a postmaster that is still alive makes new children.
    const found = await serverProcesses(label);
    if (found.length === 0) return true;
    if (performance.now() > until) return false;
    for (const { pid } of found) signal(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

async function signalUntilGone(label: string, name: NodeJS.Signals, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  const told = new Set<number>();
  for (;;) {
    const found = await serverProcesses(label);
    if (found.length === 0) return true;
    const main = found.filter(({ role }) => role === 'main');
    // Without a postmaster nobody ends the rest in order.
    if (main.length === 0 || performance.now() > until) return false;
    for (const { pid } of main) {
      if (!told.has(pid)) signal(pid, name);
      told.add(pid);
    }
    await delay(POLL_MS);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile; whether it is gone is asked of the process table.
  }
}
