import { describe, expect, it } from 'vitest';
import { seededRandom } from '#test/support/chaos/seeded-random.ts';
import { PoolWorld } from '#test/support/pool/pool-world.ts';

/** The most that happened within any so many milliseconds. */
const mostWithin = (ms: number, times: readonly number[]) =>
  Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + ms).length));

describe('the upkeep of the pool', () => {
  it.each([
    { name: 'with jitter', random: seededRandom(17) },
    { name: 'even if all lifetimes were the same', random: () => 0 },
  ])(
    'F17: replaces 20 connections that were opened together one by one, $name',
    async ({ random }) => {
      const world = new PoolWorld({ poolSize: 20, maxOverflow: 0, maxLifetimeMs: 10_000 }, random);
      await world.start();

      await world.clock.advance(14_000);

      const closedAt = world.events.closed.map(({ at }) => at);
      expect(world.closeReasons).toEqual(Array.from({ length: 20 }, () => 'lifetime'));
      expect(mostWithin(100, closedAt)).toBeLessThanOrEqual(3);
      expect(Math.min(...closedAt)).toBeGreaterThanOrEqual(9000);
      expect(world.pool.stats()).toMatchObject({ idle: 20 });
    },
  );

  it('F17: replaces 20 connections that come back together too old, at most 3 within 100 ms', async () => {
    const world = new PoolWorld({ poolSize: 20, maxOverflow: 0, maxLifetimeMs: 10_000 });
    await world.acquireMany(20);
    await world.clock.advance(20_000);

    await world.giveBackAll();
    await world.clock.advance(5000);

    expect(world.closeReasons).toEqual(Array.from({ length: 20 }, () => 'lifetime'));
    expect(
      mostWithin(
        100,
        world.events.closed.map(({ at }) => at),
      ),
    ).toBeLessThanOrEqual(3);
  });

  it('leaves a connection to its holder, however old it is', async () => {
    const world = new PoolWorld({ maxLifetimeMs: 10_000 });
    const borrower = await world.acquire();

    await world.clock.advance(60_000);

    expect(borrower.lease?.isOver).toBe(false);
    await world.giveBack(borrower);
    expect(world.closeReasons).toEqual(['lifetime']);
  });

  it('F21: closes overflow once it has been idle for long enough, and keeps the size', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 5, idleTimeoutMs: 4000 });
    await world.acquireMany(8);
    await world.giveBackAll();

    await world.clock.advance(4000);
    expect(world.pool.stats()).toMatchObject({ idle: 8 });
    await world.clock.advance(1000);

    expect(world.pool.stats()).toMatchObject({ idle: 3, total: 3 });
    expect(world.closeReasons).toEqual(['idle', 'idle', 'idle', 'idle', 'idle']);
  });

  it('F21: has at most 8 connections in ten waves of 40 borrowers, and 3 afterwards', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 5, idleTimeoutMs: 1000 });
    const served: number[] = [];

    for (let wave = 0; wave < 10; wave += 1) {
      const borrowers = await world.acquireMany(40);
      for (let turn = 0; turn < 5; turn += 1) {
        await world.clock.advance(10);
        await world.giveBackAll();
      }
      served.push(borrowers.filter(({ lease }) => lease !== undefined).length);
      await world.clock.advance(2000);
    }

    expect(served).toEqual(Array.from({ length: 10 }, () => 40));
    expect(world.server.peak).toBe(8);
    expect(world.pool.stats()).toMatchObject({ idle: 3, total: 3 });
  });

  it('does not close what is used again and again', async () => {
    const world = new PoolWorld({ poolSize: 1, maxOverflow: 1, idleTimeoutMs: 1000 });

    for (let turn = 0; turn < 20; turn += 1) {
      await world.acquireMany(2);
      await world.clock.advance(100);
      await world.giveBackAll();
      await world.clock.advance(100);
    }

    expect(world.server.connections).toHaveLength(2);
  });

  it('reports a lease that is held for too long once, with its holder and where it began', async () => {
    const world = new PoolWorld({ leakThresholdMs: 5000 });
    const stack = { text: 'at addUser (src/features/users/user-service.ts:12:3)' };
    await world.acquire({ name: 'POST /users', scope: { traceId: 'a trace' }, stack });

    await world.clock.advance(5000);
    expect(world.events.leaks).toEqual([]);
    await world.clock.advance(60_000);

    expect(world.events.leaks).toEqual([
      {
        pool: 'main',
        holder: 'POST /users',
        scope: { traceId: 'a trace' },
        heldMs: expect.closeTo(6000, -3),
        pid: 1,
        stack: stack.text,
        at: expect.any(Number),
      },
    ]);
    expect(world.pool.stats().leaked).toBe(1);
    expect(world.pool.leases().map(({ isLeaked }) => isLeaked)).toEqual([true]);
  });

  it('says when what was reported as leaked comes back after all', async () => {
    const world = new PoolWorld({ leakThresholdMs: 5000 });
    const leak = await world.acquire({ name: 'POST /users' });
    const honest = await world.acquire();
    await world.giveBack(honest);
    await world.clock.advance(8000);

    await world.giveBack(leak);

    expect(world.events.leaksReturned).toMatchObject([{ holder: 'POST /users', heldMs: 8000 }]);
    expect(world.pool.stats()).toMatchObject({ leaked: 0, used: 0 });
  });

  it('does not call it a return when a leaked connection dies', async () => {
    const world = new PoolWorld({ leakThresholdMs: 5000 });
    const leak = await world.acquire();
    await world.clock.advance(8000);

    await Promise.all(world.server.open.map((connection) => world.break(connection)));
    leak.lease?.release();

    expect(world.events.leaksReturned).toEqual([]);
    expect(world.pool.stats()).toMatchObject({ leaked: 0, used: 0 });
  });

  it('reports nothing when the leak watch is off', async () => {
    const world = new PoolWorld({ leakThresholdMs: 0 });
    await world.acquire();

    await world.clock.advance(3_600_000);

    expect(world.events.leaks).toEqual([]);
  });
});
