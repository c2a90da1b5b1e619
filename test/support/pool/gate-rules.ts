import type { DatabaseError, DatabaseErrorCode } from '#database/database-error.ts';
import type { Attempt } from './fake-server.ts';
import { must } from './must.ts';
import type { Borrower, PoolWorld } from './pool-world.ts';

/** The shortest and the longest pause after a failure, jitter included. */
const PAUSES_MS: Partial<Record<DatabaseErrorCode, readonly [number, number]>> = {
  DB_AUTH_FAILED: [2550, 6900],
  DB_TOO_MANY_CONNECTIONS: [850, 4600],
};
const OTHER_PAUSES_MS = [170, 748] as const;
const WINDOW_MS = 10_000;
const WINDOW_ATTEMPTS = 20;

/**
 * What is true of attempts to connect: since something failed, they are made one at a time until one succeeds; since an
 * attempt failed, each waits for a while, and there are few of them.
 */
export class GateRules {
  readonly #world: PoolWorld;
  readonly #faults: string[] = [];
  // All of it since the last success.
  #isShut = false;
  #failures: Attempt[] = [];
  /** The one that further attempts keep a distance from. */
  #failed: Attempt | undefined;
  /** Those that have kept it. */
  #since: Attempt[] = [];
  /** Those who waited for an attempt that failed while nothing else was there. */
  readonly #hopeless: Borrower[] = [];

  constructor(world: PoolWorld) {
    this.#world = world;
    world.server.onAttempt.push((attempt) => this.#begun(attempt));
    world.mayGateRefuse = () => this.#isShut;
    world.server.onAttemptEnd.push((attempt) => this.#ended(attempt));
    world.onSuspicion.push(() => {
      this.#isShut = true;
    });
  }

  /** Whether a further attempt may have to wait. */
  get mayRefuse(): boolean {
    const { server, clock } = this.#world;
    const isPaused = this.#failures.some(
      ({ error, endedAt = 0 }) =>
        error !== undefined && clock.now() - endedAt <= pausesOf(error)[1],
    );
    return this.#isShut && (server.opening > 0 || isPaused);
  }

  check(): void {
    const { server } = this.#world;
    for (const { name, isPending } of this.#hopeless.splice(0)) {
      must(
        !isPending || server.open.length + server.opening > 0,
        () => `${name} waits although its attempt has failed and nothing else is there`,
      );
    }
    const [fault] = this.#faults;
    must(fault === undefined, () => fault ?? '');
  }

  #begun(attempt: Attempt): void {
    const { server, pending, preparing, settings, isStarted } = this.#world;
    const opening = server.opening - 1;
    const open = server.open.filter(({ isGivenUp }) => !isGivenUp).length;
    const isRefill = isStarted && open + opening < settings.poolSize;
    if (!isRefill && pending.length <= opening + preparing.length) {
      this.#faults.push('an attempt to connect was made for nobody');
    }
    if (this.#isShut && opening > 0) {
      this.#faults.push('two attempts to connect were made at the same time after a failure');
    }
    const { error, endedAt = 0 } = this.#failed ?? {};
    if (error !== undefined) {
      const pausedMs = attempt.startedAt - endedAt;
      if (pausedMs < pausesOf(error)[0] && !this.#hasRoomSince(error, endedAt)) {
        this.#faults.push(`an attempt was made ${pausedMs} ms after ${error.code}`);
      }
      this.#since.push(attempt);
      this.#checkWindow(attempt.startedAt);
    }
  }

  /** A server that was full has lost a connection since, and so need not be waited for. */
  #hasRoomSince({ code }: DatabaseError, time: number): boolean {
    const { connections } = this.#world.server;
    return (
      code === 'DB_TOO_MANY_CONNECTIONS' &&
      connections.some(({ closedAt }) => closedAt >= time && closedAt < Infinity)
    );
  }

  #checkWindow(now: number): void {
    const recent = this.#since.filter(({ startedAt }) => startedAt > now - WINDOW_MS);
    if (recent.length > WINDOW_ATTEMPTS) {
      this.#faults.push(`${recent.length} attempts were made within ${WINDOW_MS} ms`);
    }
  }

  #ended(attempt: Attempt): void {
    const { error } = attempt;
    if (error === undefined) {
      this.#isShut = false;
      this.#failures = [];
      this.#failed = undefined;
      this.#since = [];
    } else if (error.code !== 'DB_CLOSED') {
      this.#isShut = true;
      this.#failures.push(attempt);
      const { server, pending } = this.#world;
      if (server.open.length + server.opening === 0) {
        this.#hopeless.push(...pending.filter(({ askedAt }) => askedAt <= attempt.startedAt));
      }
      // Those that were under way when the first one failed do not count.
      if (this.#failed === undefined || this.#since.includes(attempt)) {
        this.#failed = attempt;
      }
    }
  }
}

function pausesOf({ code }: DatabaseError): readonly [number, number] {
  return PAUSES_MS[code] ?? OTHER_PAUSES_MS;
}
