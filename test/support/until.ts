import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;

/** Asks until there is an answer other than undefined, and resolves to it. A question that throws has none yet. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  deadlineMs = 20_000,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs;
  let cause: unknown;
  while (performance.now() < giveUpAt) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      cause = error;
    }
    await delay(POLL_MS);
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause });
}
