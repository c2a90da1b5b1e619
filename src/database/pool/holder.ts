import type { WorkScope } from '#database/work-scope.ts';
import type { CapturedStack } from './holder-stack.ts';

/** Who borrows a connection. */
export interface Holder {
  /** A route template or the name of a session. */
  readonly name: string;
  /** What it borrows for, such as a request. */
  readonly scope?: WorkScope | undefined;
  /** Aborted, the holder no longer wants what it asked for: it leaves the queue, its statement is cancelled. */
  readonly signal?: AbortSignal | undefined;
  /** Told where the write-ahead log is when a transaction that may write has been committed. */
  readonly onPosition?: ((walPosition: string) => void) | undefined;
  /** Where it began, for the report of a leak; absent when leak detection is off. */
  readonly stack?: CapturedStack | undefined;
}

/** A holder that did not say who it is. */
export const UNKNOWN_HOLDER: Holder = Object.freeze({ name: 'unknown' });
