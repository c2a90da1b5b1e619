import { DatabaseError } from '#database/database-error.ts';
import type { WorkScope } from '#database/work-scope.ts';

import { HttpError } from './http-error.ts';

/** What the HTTP layer needs of the session manager. */
export interface SessionRunner {
  session<T>(
    work: () => Promise<T>,
    options?: {
      readonly name?: string;
      readonly readOnly?: boolean;
      readonly signal?: AbortSignal;
      readonly onCommit?: () => void;
      readonly scope?: WorkScope;
      readonly repeatable?: boolean;
      readonly readAfter?: string;
      readonly onPosition?: (walPosition: string) => void;
    },
  ): Promise<T>;
}

/** How one request uses its session. */
export interface RequestSessionOptions {
  readonly name: string;
  readonly readOnly: boolean;
  /** The work may be done again from its beginning when the database asks for that. */
  readonly repeatable: boolean;
  /** Of the request, so that whoever holds a connection can be found in the logs. */
  readonly scope: WorkScope | undefined;
  /** What a session that reads must see. */
  readonly readAfter?: string | undefined;
  /** Told what those must send who want to see what was written, where there are replicas. */
  readonly onPosition?: (walPosition: string) => void;
  /** From now until the work is given up; the work itself may move it. */
  readonly deadlineMs: number;
  /** Aborts when the client goes away. */
  readonly clientGone: AbortSignal;
}

/** How long work that has been given up may take to roll back before the client is answered without it. */
const SETTLE_MS = 250;

/**
 * Runs `work` in a session and resolves once it is committed. Past the deadline the work's signal aborts, its session
 * rolls back and this throws `REQUEST_TIMEOUT`; where the commit may already have been sent, `DB_COMMIT_UNKNOWN`.
 * When the client goes away the work aborts too, unless it is already being committed.
 */
export async function requestSession<T>(
  sessions: SessionRunner,
  work: (signal: AbortSignal, moveDeadline: (fromNowMs: number) => void) => Promise<T>,
  {
    name,
    readOnly,
    repeatable,
    scope,
    readAfter,
    onPosition,
    deadlineMs,
    clientGone,
  }: RequestSessionOptions,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const outcome = Promise.withResolvers<never>();
  let isCommitting = false;
  let settleTimer: NodeJS.Timeout | undefined;
  let timeout: HttpError | undefined;

  const expire = (): void => {
    const error = new HttpError('REQUEST_TIMEOUT');
    timeout = error;
    controller.abort(error);
    settleTimer = setTimeout(() => {
      outcome.reject(isCommitting ? unknownOutcome(name) : error);
    }, SETTLE_MS);
  };
  let deadlineTimer = setTimeout(expire, deadlineMs);
  const moveDeadline = (fromNowMs: number): void => {
    if (timeout !== undefined) return;
    clearTimeout(deadlineTimer);
    deadlineTimer = setTimeout(expire, fromNowMs);
  };
  const onClientGone = (): void => {
    if (!isCommitting) controller.abort(clientGone.reason);
  };
  clientGone.addEventListener('abort', onClientGone, { once: true });

  const session = sessions.session(
    async () => {
      // Work that is done again begins without the commit that failed.
      isCommitting = false;
      const result = await work(signal, moveDeadline);
      // Work that ignores its signal must not be committed after the client was told otherwise.
      signal.throwIfAborted();
      return result;
    },
    {
      name,
      readOnly,
      repeatable,
      ...(scope !== undefined && { scope }),
      ...(readAfter !== undefined && { readAfter }),
      ...(onPosition !== undefined && { onPosition }),
      signal,
      onCommit: () => {
        isCommitting = true;
      },
    },
  );
  try {
    if (clientGone.aborted) onClientGone();
    return await Promise.race([session, outcome.promise]);
  } catch (error) {
    const isUnknown = error instanceof DatabaseError && error.code === 'DB_COMMIT_UNKNOWN';
    throw timeout !== undefined && signal.reason === timeout && !isUnknown ? timeout : error;
  } finally {
    clearTimeout(deadlineTimer);
    clearTimeout(settleTimer);
    clientGone.removeEventListener('abort', onClientGone);
    // The race may have been decided without it.
    session.catch(() => undefined);
  }
}

function unknownOutcome(name: string): DatabaseError {
  return new DatabaseError(
    'DB_COMMIT_UNKNOWN',
    `no answer to the commit of ${name} before its deadline`,
  );
}
