import { DatabaseError } from '#database/database-error.ts';
import type { AcquireEnded, AcquireOutcome } from '#database/database-observer.ts';
import type { FakeConnection } from './fake-connection.ts';
import { must, mustEqual } from './must.ts';
import type { Borrower, PoolWorld } from './pool-world.ts';
import { unseen } from './unseen.ts';

/** What is true of those who ask for a lease: each is answered once, in time, in turn, with what it may use. */
export class AcquireRules {
  readonly #world: PoolWorld;
  readonly #ended = new Set<string>();
  readonly #unseen: () => readonly AcquireEnded[];

  constructor(world: PoolWorld) {
    this.#world = world;
    this.#unseen = unseen(world.events.acquires);
  }

  check(): void {
    const { events, borrowers, pending, pool, clock, settings } = this.#world;
    for (const event of this.#unseen()) {
      this.#checkEnd(event);
    }
    mustEqual('acquires ended', events.acquires.length, borrowers.length - pending.length);
    must(
      pending.length <= settings.queueLimit + pool.max,
      () => `${pending.length} wait although ${settings.queueLimit} may`,
    );
    mustEqual('waiters', names(pool.waiters()), names(pending));
    for (const { name, askedAt, isAborted } of pending) {
      must(!isAborted, () => `${name} waits although it has gone away`);
      must(clock.now() < askedAt + settings.acquireTimeoutMs, () => `${name} waits for too long`);
    }
  }

  #checkEnd({ holder, outcome, waitedMs }: AcquireEnded): void {
    const { borrowers, clock, settings } = this.#world;
    const borrower = borrowers.find(({ name }) => name === holder);
    must(borrower !== undefined && !this.#ended.has(holder), () => `${holder} ended twice`);
    this.#ended.add(holder);
    mustEqual(`${holder} waited`, waitedMs, clock.now() - borrower.askedAt);
    must(outcomesOf(borrower).includes(outcome), () => `${holder} was said to end as ${outcome}`);
    must(
      outcome !== 'timeout' || waitedMs >= settings.acquireTimeoutMs - 1e-6,
      () => `${holder} was given up after ${waitedMs} ms`,
    );
    must(
      outcome !== 'refused' ||
        (waitedMs === 0 && borrower.ahead >= settings.queueLimit && !borrower.couldBegin),
      () => `${holder} was refused after ${waitedMs} ms with ${borrower.ahead} in the queue`,
    );
    must(
      outcome !== 'error' || this.#isTrue(borrower),
      () => `${holder}: ${String(borrower.error)}`,
    );
    if (borrower.lease !== undefined) {
      const overtaken = borrowers.find(({ name }) => !this.#ended.has(name));
      must(
        overtaken === undefined || borrowers.indexOf(overtaken) > borrowers.indexOf(borrower),
        () => `${holder} was served before ${overtaken?.name}`,
      );
      this.#checkServed(borrower.lease.connection);
    }
  }

  /** Whether it is so what a borrower was told that waited neither too long nor in vain. */
  #isTrue({ error, isAborted }: Borrower): boolean {
    if (!(error instanceof DatabaseError)) {
      return isAborted;
    }
    const { closing, server } = this.#world;
    return error.code === 'DB_CLOSED'
      ? closing !== undefined
      : server.attempts.some((attempt) => attempt.error?.code === error.code);
  }

  #checkServed(connection: FakeConnection): void {
    const { settings, clock, server } = this.#world;
    const { pid, transaction, isBusy, isSessionChanged, era, provenAt } = connection;
    const silentMs = clock.now() - provenAt;
    must(!isBusy, () => `connection ${pid} was leased while it was busy`);
    must(transaction === 'I', () => `connection ${pid} was leased inside a transaction`);
    must(!isSessionChanged, () => `connection ${pid} was leased without a reset`);
    must(era === server.era, () => `connection ${pid} was leased after its eviction`);
    must(
      !settings.prePing || silentMs <= settings.prePingIdleMs,
      () => `connection ${pid} was leased without a ping after ${silentMs} ms`,
    );
  }
}

/** As what the end of an acquire may be told. */
function outcomesOf({ lease, error }: Borrower): readonly AcquireOutcome[] {
  if (lease !== undefined) {
    return ['reused', 'new', 'queued'];
  }
  const code = error instanceof DatabaseError ? error.code : undefined;
  if (code === 'DB_POOL_TIMEOUT') {
    return ['timeout'];
  }
  return code === 'DB_POOL_FULL' ? ['refused'] : ['error'];
}

function names(named: readonly { readonly name: string }[]): readonly string[] {
  return named.map(({ name }) => name);
}
