import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectGate } from '#database/pool/connect-gate.ts';
import type { Holder } from '#database/pool/holder.ts';
import type { OpenConnection } from '#database/pool/physical-connection.ts';
import { Pool } from '#database/pool/pool.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { withClock, withParts } from '#test/support/pool/broken-parts.ts';
import type { FakeConnection } from '#test/support/pool/fake-connection.ts';
import type { Life } from '#test/support/pool/pool-commands.ts';
import { poolProperty } from '#test/support/pool/pool-property.ts';
import type { BuildPool } from '#test/support/pool/pool-world.ts';

/** A pool whose connections are the same but for what is defined on them when they are opened. */
const withConnections = (broken: PropertyDescriptorMap): BuildPool =>
  withParts(({ open }) => ({
    open: async (options) => Object.defineProperties(await open(options), broken),
  }));

const withOpen = (
  broken: (open: OpenConnection<FakeConnection>) => OpenConnection<FakeConnection>,
) => withParts(({ open }) => ({ open: broken(open) }));

class Deaf extends Pool<FakeConnection> {
  override acquire({ name = '' }: Partial<Holder> = {}) {
    return super.acquire({ name });
  }
}

class Twice extends Pool<FakeConnection> {
  override async acquire(holder?: Holder) {
    await super.acquire(holder);
    return await super.acquire(holder);
  }
}

class Boastful extends Pool<FakeConnection> {
  override stats(): PoolStats {
    const stats = super.stats();
    return Object.freeze({ ...stats, usedSeconds: Math.round(stats.usedSeconds) });
  }
}

class Molten extends Pool<FakeConnection> {
  override stats(): PoolStats {
    return { ...super.stats() };
  }
}

class Careless extends Pool<FakeConnection> {
  override close() {
    return Promise.resolve();
  }
}

class Unmoved extends Pool<FakeConnection> {
  override evict() {
    // Keeps them all.
  }
}

const always = <T>(value: T): PropertyDescriptor => ({ get: () => value });

const VARIANTS: readonly (readonly [string, Life, BuildPool, RegExp])[] = [
  [
    'does not hear that a connection died (F1)',
    'leases that end in every way',
    withOpen((open) => (options) => open({ ...options, onBroken: () => undefined })),
    /^(used|idle): /,
  ],
  [
    'has deadlines that never come (F6)',
    'leases that end in every way',
    withClock((clock) => ({
      start: (work, ms, isBackground) =>
        isBackground ? clock.start(work, ms) : { stop: () => undefined },
    })),
    /waits for too long|close took longer/,
  ],
  [
    'does not look again after a stall (F59)',
    'idle connections that are pinged',
    withClock(() => ({ afterIo: (work) => work() })),
    /given up although its answer was there/,
  ],
  [
    'keeps no house',
    'leases that end in every way',
    withClock((clock) => ({
      start: (work, ms, isBackground) =>
        isBackground ? { stop: () => undefined } : clock.start(work, ms),
    })),
    /was not reported after/,
  ],
  [
    'has a clock that runs slow',
    'leases that end in every way',
    withClock((clock) => ({ now: () => clock.now() * 0.999 })),
    /waited|oldest|Seconds/,
  ],
  [
    'believes that every connection is quiet (F13)',
    'leases that end in every way',
    withConnections({ isQuiet: always(true) }),
    /inside a transaction|while it was busy/,
  ],
  [
    'believes that no connection needs a reset (F14)',
    'leases that end in every way',
    withConnections({ needsReset: always(false) }),
    /leased without a reset/,
  ],
  [
    'believes every ping (F15)',
    'idle connections that are pinged',
    withConnections({ ping: { value: () => Promise.resolve() } }),
    /leased without a ping/,
  ],
  [
    'forgets to close the sockets it gives up (F25)',
    'a close at any moment',
    withConnections({ destroy: { value: () => Promise.resolve() } }),
    /^(used|idle): /,
  ],
  [
    'opens a connection too many each time (F26)',
    'a server that comes and goes',
    withOpen((open) => async (options) => {
      void open(options).catch(() => undefined);
      return await open(options);
    }),
    /connecting|idle/,
  ],
  [
    'storms a server that refuses (F8)',
    'a server that comes and goes',
    withParts(({ clock }) => {
      const gate = new ConnectGate({ clock });
      return {
        gate: Object.defineProperty(gate, 'attempt', { value: (open: () => unknown) => open() }),
      };
    }),
    /an attempt was made|two attempts|always something to do/,
  ],
  [
    'never tries again after a failure (F8)',
    'a server that comes and goes',
    withParts(({ clock }) => {
      const gate = new ConnectGate({
        clock: {
          ...clock,
          now: () => clock.now(),
          afterIo: () => undefined,
          start: () => ({ stop: () => undefined }),
        },
      });
      return { gate };
    }),
    /not refilled|could be opened/,
  ],
  [
    'does not listen to those who go away',
    'leases that end in every way',
    (settings, parts) => new Deaf(settings, parts),
    /although it has gone away/,
  ],
  [
    'leases two connections for one',
    'leases that end in every way',
    (settings, parts) => new Twice(settings, parts),
    /^borrower 1 was said to end as new/,
  ],
  [
    'rounds its integrals',
    'leases that end in every way',
    (settings, parts) => new Boastful(settings, parts),
    /usedSeconds/,
  ],
  [
    'lets its figures be changed',
    'leases that end in every way',
    (settings, parts) => new Molten(settings, parts),
    /not frozen/,
  ],
  [
    'does nothing when it is closed (F24)',
    'a close at any moment',
    (settings, parts) => new Careless(settings, parts),
    /after close/,
  ],
  [
    'keeps what was evicted',
    'a close at any moment',
    (settings, parts) => new Unmoved(settings, parts),
    /after its eviction|^idle: /,
  ],
];

describe('control: the rules of the pool find a pool that', () => {
  it.each(VARIANTS)('%s', { timeout: 60_000 }, async (_name, life, build, words) => {
    const { errorInstance, counterexample } = await fc.check(poolProperty(life, build), {
      numRuns: 3000,
    });

    expect(String(errorInstance).replace('Error: ', '')).toMatch(words);
    expect(fc.stringify(counterexample?.[2]).split(',').length).toBeLessThan(20);
  });
});
