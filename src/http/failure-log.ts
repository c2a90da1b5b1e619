import type { ErrorCode } from './error-codes.ts';
import type { HttpLog } from './http-log.ts';
import type { RequestScope } from './request-scope.ts';

/** A pool that is full fails thousands of requests the same way: one line says why, until this has passed. */
const REPEAT_AFTER_MS = 10_000;

/**
 * Writes failures that are not the client's. A 500 is a fault of ours, each is written. The others heal when load or
 * database do: one line per code every 10 s with the count of those left out; every request has its line beside it.
 */
export class FailureLog {
  readonly #log: HttpLog;
  readonly #now: () => number;
  readonly #last = new Map<ErrorCode, { readonly at: number; suppressed: number }>();

  /** `now` gives milliseconds of any steady clock. */
  constructor(log: HttpLog, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Writes, or counts, the failure of the request in `scope`. */
  write(error: unknown, status: number, code: ErrorCode, scope: RequestScope): void {
    const fields = {
      event: 'http.failure',
      code,
      status,
      route: scope.route,
      request_id: scope.requestId,
      trace_id: scope.traceId,
      err: error,
    };
    if (status === 500) {
      this.#log.error(fields, 'request failed');
      return;
    }
    const last = this.#last.get(code);
    if (last !== undefined && this.#now() - last.at < REPEAT_AFTER_MS) {
      last.suppressed += 1;
      return;
    }
    this.#last.set(code, { at: this.#now(), suppressed: 0 });
    const suppressed = last?.suppressed ?? 0;
    this.#log.warn({ ...fields, suppressed }, 'request could not be served');
  }
}
