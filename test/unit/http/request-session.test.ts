import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { requestSession, type SessionRunner } from '#http/request-session.ts';

const passThrough: SessionRunner = { session: (work) => work() };
const neverGone = new AbortController().signal;

function options(overrides: Partial<Parameters<typeof requestSession>[2]> = {}) {
  return {
    name: 'POST /work',
    readOnly: false,
    repeatable: false,
    scope: { traceId: 'f00d' },
    deadlineMs: 20,
    clientGone: neverGone,
    ...overrides,
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new DatabaseError('DB_QUERY_CANCELLED', 'cancelled'));
    });
  });
}

/** A runner whose commit ends as `commit` does, after the work has. */
function committing(commit: () => Promise<void>): SessionRunner {
  return {
    async session(work, given) {
      const result = await work();
      if (given?.readOnly !== true) given?.onCommit?.();
      await commit();
      return result;
    },
  };
}

const forever = (): Promise<never> => new Promise(() => undefined);

describe('the session of a request', () => {
  it('is opened with the name, the mode and a signal', async () => {
    const seen: unknown[] = [];
    const runner: SessionRunner = {
      session(work, given) {
        seen.push(given);
        return work();
      },
    };

    await requestSession(runner, () => Promise.resolve(), options());

    expect(seen).toEqual([
      {
        name: 'POST /work',
        readOnly: false,
        repeatable: false,
        scope: { traceId: 'f00d' },
        signal: expect.any(AbortSignal),
        onCommit: expect.any(Function),
      },
    ]);
  });

  it('gives the result once the session has ended, not before', async () => {
    const commit = Promise.withResolvers<void>();
    const events: string[] = [];
    const result = requestSession(
      committing(() => commit.promise),
      () => Promise.resolve('value'),
      options({ deadlineMs: 1000 }),
    ).then((value) => events.push(value));

    await new Promise((resolve) => setTimeout(resolve, 10));
    events.push('committed');
    commit.resolve();
    await result;

    expect(events).toEqual(['committed', 'value']);
  });

  it('aborts the work at the deadline and fails with REQUEST_TIMEOUT', async () => {
    const result = requestSession(passThrough, untilAborted, options());

    await expect(result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', status: 504 });
  });

  it('fails with REQUEST_TIMEOUT though the work ignores its signal', async () => {
    const result = requestSession(passThrough, forever, options());

    await expect(result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('does not commit work that ended after the deadline', async () => {
    const ends: string[] = [];
    const runner: SessionRunner = {
      session: (work) =>
        work().then(
          (value) => (ends.push('commit'), value),
          (error: unknown) => {
            ends.push('rollback');
            throw error;
          },
        ),
    };

    const result = requestSession(
      runner,
      () => new Promise((resolve) => setTimeout(resolve, 60)),
      options(),
    );

    await expect(result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    expect(ends).toEqual(['rollback']);
  });

  it('fails with DB_COMMIT_UNKNOWN when the commit has no answer at the deadline', async () => {
    const result = requestSession(committing(forever), () => Promise.resolve(), options());

    await expect(result).rejects.toMatchObject({ code: 'DB_COMMIT_UNKNOWN' });
  });

  it('fails with REQUEST_TIMEOUT when the last flush has no answer at the deadline: COMMIT was not sent', async () => {
    const flushing: SessionRunner = {
      async session(work) {
        await work();
        return await forever();
      },
    };

    const result = requestSession(flushing, () => Promise.resolve(), options());

    await expect(result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('fails with DB_COMMIT_UNKNOWN when the session says so, whatever else ran out', async () => {
    const commit = () =>
      new Promise<void>((_resolve, reject) => {
        setTimeout(() => reject(new DatabaseError('DB_COMMIT_UNKNOWN', 'lost')), 40);
      });

    const result = requestSession(committing(commit), () => Promise.resolve(), options());

    await expect(result).rejects.toMatchObject({ code: 'DB_COMMIT_UNKNOWN', message: 'lost' });
  });

  it('gives the result of a commit that came a little late', async () => {
    const commit = () => new Promise<void>((resolve) => setTimeout(resolve, 40));

    const result = requestSession(committing(commit), () => Promise.resolve('kept'), options());

    await expect(result).resolves.toBe('kept');
  });

  it('has nothing to commit when it is read-only', async () => {
    const result = requestSession(
      committing(forever),
      () => Promise.resolve(),
      options({ readOnly: true }),
    );

    await expect(result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('aborts the work when the client goes away', async () => {
    const gone = new AbortController();
    const result = requestSession(
      passThrough,
      untilAborted,
      options({ deadlineMs: 5000, clientGone: gone.signal }),
    );

    gone.abort();

    await expect(result).rejects.toMatchObject({ code: 'DB_QUERY_CANCELLED' });
  });

  it('aborts the work of a client who had gone before it began', async () => {
    const result = requestSession(
      passThrough,
      untilAborted,
      options({ deadlineMs: 5000, clientGone: AbortSignal.abort() }),
    );

    await expect(result).rejects.toMatchObject({ code: 'DB_QUERY_CANCELLED' });
  });

  it('lets a commit end when the client goes away during it', async () => {
    const gone = new AbortController();
    const signals: AbortSignal[] = [];
    const runner = committing(async () => {
      gone.abort();
      await Promise.resolve();
    });

    const result = requestSession(
      runner,
      (signal) => Promise.resolve(signals.push(signal)),
      options({ clientGone: gone.signal }),
    );

    await expect(result).resolves.toBe(1);
    expect(signals[0]?.aborted).toBe(false);
  });

  it('knows that COMMIT was not sent when the work is done again after one that failed', async () => {
    const repeating: SessionRunner = {
      async session(work, given) {
        await work();
        given?.onCommit?.();
        return await work();
      },
    };
    const works = [() => Promise.resolve(), untilAborted];

    const result = requestSession(
      repeating,
      (signal) => works.shift()?.(signal) ?? Promise.resolve(),
      options({ repeatable: true }),
    );

    await expect(result).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('fails with what the work threw', async () => {
    const error = new Error('of the work');

    const result = requestSession(passThrough, () => Promise.reject(error), options());

    await expect(result).rejects.toBe(error);
  });
});
