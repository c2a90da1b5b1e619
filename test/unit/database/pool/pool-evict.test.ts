import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PoolWorld } from '#test/support/pool/pool-world.ts';

describe('an eviction', () => {
  it('closes idle connections at once and leased ones when they are returned', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 0 });
    const [first, second, third] = await world.acquireMany(3);
    await world.giveBack(third);

    await world.evict();

    expect(world.events.closed.map(({ pid }) => pid)).toEqual([3]);
    expect(first?.lease?.isOver).toBe(false);
    await world.giveBack(first);
    await world.giveBack(second);
    expect(world.closeReasons).toEqual(['evicted', 'evicted', 'evicted']);
  });

  it('F30: for a failover says so of every connection', async () => {
    const world = new PoolWorld({ poolSize: 2 });
    const [first] = await world.acquireMany(2);
    await world.giveBack(first);

    await world.evict('failover');
    await world.giveBackAll();

    expect(world.closeReasons).toEqual(['failover', 'failover']);
  });

  it('also concerns what is being opened and pinged', async () => {
    const world = new PoolWorld({ poolSize: 2, maxOverflow: 0 });
    await world.giveBack(await world.acquire());
    await world.clock.advance(1000);
    world.server.manners.ping = ['ok', 100];
    world.server.reception = ['ok', 100];
    const borrowers = await world.acquireMany(2);

    await world.evict();
    await world.clock.advance(100);

    expect(world.closeReasons).toEqual(['evicted', 'evicted']);
    await world.clock.advance(100);
    expect(borrowers.map(({ lease }) => lease?.connection.pid)).toEqual([3, 4]);
  });

  it('opens new connections in the place of the old ones', async () => {
    const world = new PoolWorld({ poolSize: 3 });
    await world.start();

    await world.evict();
    await world.clock.advance(0);

    expect(world.pool.stats()).toMatchObject({ idle: 3 });
    expect(world.closeReasons).toEqual(['evicted', 'evicted', 'evicted']);
  });

  it('F30: happens once for all leases that one failover has made doubtful', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 0 });
    await world.acquireMany(2);
    const [first, second] = world.pool.leases();

    world.pool.evictWith(first ?? never(), 'failover');
    const young = await world.acquire();
    world.pool.evictWith(second ?? never(), 'failover');
    await world.giveBack(young);

    expect(world.pool.stats()).toMatchObject({ idle: 1, used: 2 });
    await world.giveBackAll();
    expect(world.closeReasons).toEqual(['failover', 'failover']);
  });

  it('H8: costs no borrower its lease, at whatever moment it comes', async () => {
    const moments = fc.array(
      fc.constantFrom('acquire', 'release', 'evict', 'time', 'open slowly', 'open at once'),
      { minLength: 20, maxLength: 60 },
    );

    await fc.assert(
      fc.asyncProperty(moments, async (happenings) => {
        const world = new PoolWorld({ poolSize: 3, maxOverflow: 2, acquireTimeoutMs: 60_000 });
        const acts: Record<string, () => Promise<unknown> | void> = {
          acquire: () => world.acquireMany(2),
          release: () => world.giveBackAll(),
          evict: () => world.evict(),
          time: () => world.clock.advance(30),
          'open slowly': () => void (world.server.reception = ['ok', 20]),
          'open at once': () => void (world.server.reception = ['ok', 0]),
        };
        for (const happening of [...happenings, ...Array.from({ length: 30 }, () => 'release')]) {
          await acts[happening]?.();
          await acts['time']?.();
        }

        expect(world.borrowers.filter(({ lease }) => lease === undefined)).toEqual([]);
        expect(world.pool.stats()).toMatchObject({ used: 0, waiting: 0, connecting: 0 });
      }),
      { numRuns: 500 },
    );
  });
});

function never(): never {
  throw new Error('bug: there is a lease');
}
