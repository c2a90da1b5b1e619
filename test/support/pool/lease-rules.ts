import { must, mustEqual } from './must.ts';
import type { Borrower, PoolWorld } from './pool-world.ts';

/** How much later than at its threshold a leak may be reported. */
const LEAK_MARGIN_MS = 1000;

/** What is true of leases: one holder each, over once, taken away only with the connection, reported when held too long. */
export class LeaseRules {
  readonly #world: PoolWorld;

  constructor(world: PoolWorld) {
    this.#world = world;
  }

  check(): void {
    const { pool, holding, borrowers, events, clock } = this.#world;
    const leased = borrowers.filter(({ lease }) => lease !== undefined);
    mustEqual(
      'holders',
      new Set(holding.map(({ lease }) => lease?.connection)).size,
      holding.length,
    );
    mustEqual('leases', named(pool.leases()), holding.map(({ name }) => name).toSorted());
    const oldest = Math.min(clock.now(), ...holding.map(({ servedAt }) => servedAt));
    mustEqual('oldestUseMs', pool.stats().oldestUseMs, clock.now() - oldest);
    for (const borrower of leased) {
      this.#checkLease(borrower, holding.includes(borrower));
    }
    mustEqual('leases ended', events.leasesEnded.length, leased.length - holding.length);
    mustEqual(
      'leases taken back',
      events.reclaims.map(({ holder }) => holder).toSorted(),
      leased
        .filter(({ isRobbed }) => isRobbed)
        .map(({ name }) => name)
        .toSorted(),
    );
    this.#checkLeaks(holding);
  }

  #checkLease({ name, lease, isReturned, isRobbed }: Borrower, isHeld: boolean): void {
    const { closing, clock } = this.#world;
    const isGraceOver = closing !== undefined && clock.now() >= closing.at + closing.graceMs;
    must(lease?.isOver === !isHeld, () => `${name} does not know that its lease is over`);
    must(
      isHeld || isReturned || isRobbed || isGraceOver,
      () => `${name} lost a connection that was alive`,
    );
  }

  #checkLeaks(holding: readonly Borrower[]): void {
    const { pool, borrowers, events, clock, settings, closing } = this.#world;
    const { leakThresholdMs } = settings;
    const told = events.leaks.map(({ holder }) => holder);
    const leaking = holding.filter(({ name }) => told.includes(name)).map(({ name }) => name);
    mustEqual('leaks told of twice', told.length - new Set(told).size, 0);
    mustEqual('leaked', pool.stats().leaked, leaking.length);
    mustEqual(
      'leaks that came back',
      events.leaksReturned.map(({ holder }) => holder).toSorted(),
      told
        .filter((told) => borrowers.some(({ name, isReturned }) => isReturned && name === told))
        .toSorted(),
    );
    for (const { heldMs, holder } of events.leaks) {
      must(heldMs > leakThresholdMs, () => `${holder} was reported after ${heldMs} ms`);
    }
    for (const { name, servedAt } of closing === undefined ? holding : []) {
      const heldMs = clock.now() - servedAt;
      must(
        leakThresholdMs === 0 || heldMs <= leakThresholdMs + LEAK_MARGIN_MS || told.includes(name),
        () => `${name} was not reported after ${heldMs} ms`,
      );
    }
  }
}

function named(
  leases: readonly { readonly holder: { readonly name: string } }[],
): readonly string[] {
  return leases.map(({ holder }) => holder.name).toSorted();
}
