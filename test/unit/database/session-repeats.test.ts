import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import { RetryBudget } from '#database/retry-budget.ts';
import { withRepeats } from '#database/session-repeats.ts';

const failure = (code: DatabaseErrorCode) => new DatabaseError(code, 'a failure');

/** Work that fails with these codes, one an attempt, and then succeeds. */
function scripted(...codes: DatabaseErrorCode[]) {
  let attempts = 0;
  return {
    work: () => {
      const code = codes[attempts];
      attempts += 1;
      return code === undefined ? Promise.resolve(attempts) : Promise.reject(failure(code));
    },
    get attempts() {
      return attempts;
    },
  };
}

function listener(budget = new RetryBudget(), signal?: AbortSignal) {
  const heard: string[] = [];
  return { heard, budget, signal, tell: (outcome: string) => void heard.push(outcome) };
}

describe('work that may be repeated', () => {
  it('is run once when it succeeds', async () => {
    const parts = listener();

    expect(await withRepeats(scripted().work, parts)).toBe(1);
    expect(parts.heard).toEqual([]);
  });

  it.each([['DB_SERIALIZATION'], ['DB_DEADLOCK']] as const)(
    'F34: is run again after %s',
    async (code) => {
      const parts = listener();

      expect(await withRepeats(scripted(code).work, parts)).toBe(2);
      expect(parts.heard).toEqual(['retried', 'succeeded']);
    },
  );

  it('F34: is given up after its second repetition', async () => {
    const parts = listener();
    const script = scripted('DB_SERIALIZATION', 'DB_DEADLOCK', 'DB_SERIALIZATION');

    await expect(withRepeats(script.work, parts)).rejects.toMatchObject({
      code: 'DB_SERIALIZATION',
    });
    expect(script.attempts).toBe(3);
    expect(parts.heard).toEqual(['retried', 'retried', 'given_up']);
  });

  it.each([
    ['DB_COMMIT_UNKNOWN'],
    ['DB_CONNECTION_LOST'],
    ['DB_UNIQUE'],
    ['DB_LOCK_TIMEOUT'],
    ['DB_POOL_TIMEOUT'],
  ] as const)('F33: is never run again after %s', async (code) => {
    const parts = listener();
    const script = scripted(code);

    await expect(withRepeats(script.work, parts)).rejects.toMatchObject({ code });
    expect(script.attempts).toBe(1);
    expect(parts.heard).toEqual([]);
  });

  it('F34: fails as it did when the budget is spent', async () => {
    const parts = listener(new RetryBudget(1));
    const script = scripted('DB_DEADLOCK', 'DB_SERIALIZATION');

    await expect(withRepeats(script.work, parts)).rejects.toMatchObject({
      code: 'DB_SERIALIZATION',
    });
    expect(parts.heard).toEqual(['retried', 'budget']);
  });

  it('is not run again when its signal is aborted, at its failure or during the pause', async () => {
    const before = AbortSignal.abort(new Error('gone before'));
    const during = new AbortController();
    const parts = listener(new RetryBudget(), before);
    const later = listener(new RetryBudget(), during.signal);
    const script = scripted('DB_DEADLOCK');
    const pausing = withRepeats(script.work, later);
    setTimeout(() => during.abort(new Error('gone during')), 0);

    await expect(withRepeats(scripted('DB_DEADLOCK').work, parts)).rejects.toThrow('gone before');
    await expect(pausing).rejects.toThrow('gone during');

    expect(script.attempts).toBe(1);
    expect([parts.heard, later.heard]).toEqual([[], ['retried']]);
  });
});
