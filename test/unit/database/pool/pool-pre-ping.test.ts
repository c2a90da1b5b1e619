import { describe, expect, it } from 'vitest';
import { PoolWorld } from '#test/support/pool/pool-world.ts';
import { withClock } from '#test/support/pool/broken-parts.ts';

/** A pool whose connections, so many, have all been idle for so long. */
async function idlePool(
  count: number,
  idleMs: number,
  ...parts: ConstructorParameters<typeof PoolWorld>
) {
  const [settings, ...others] = parts;
  const world = new PoolWorld({ poolSize: count, maxOverflow: 0, ...settings }, ...others);
  await world.acquireMany(count);
  await world.giveBackAll();
  await world.clock.advance(idleMs);
  return world;
}

const pingsOf = ({ server }: PoolWorld) => server.connections.map(({ pings }) => pings);

describe('the ping before use', () => {
  it('F15: is sent over a connection that has been idle for longer than the threshold', async () => {
    const world = await idlePool(1, 501);

    const borrower = await world.acquire();

    expect(borrower.lease?.connection.pid).toBe(1);
    expect(pingsOf(world)).toEqual([1]);
    expect(world.events.pings).toMatchObject([{ outcome: 'ok', pid: 1 }]);
    expect(world.events.acquires.at(-1)).toMatchObject({ outcome: 'reused' });
  });

  it('F15: is not sent over a connection that is fresh', async () => {
    const world = await idlePool(1, 500);

    await world.acquire();

    expect(pingsOf(world)).toEqual([0]);
  });

  it('F15: is not sent at all when it is switched off, and costs nothing', async () => {
    const world = await idlePool(1, 30_000, { prePing: false });
    world.server.manners.ping = 'silent';

    const borrower = world.ask();
    await Promise.resolve();

    expect(world.pool.stats().used).toBe(1);
    await world.clock.tick();
    expect(borrower.lease?.connection.pings).toBe(0);
    expect(world.events.pings).toEqual([]);
  });

  it('is counted as connecting while it lasts', async () => {
    const world = await idlePool(2, 1000);
    world.server.manners.ping = ['ok', 100];

    await world.acquire();

    expect(world.pool.stats()).toMatchObject({ idle: 1, used: 0, connecting: 1, waiting: 1 });
    await world.clock.advance(100);
    expect(world.pool.stats()).toMatchObject({ idle: 1, used: 1, connecting: 0, waiting: 0 });
  });

  it('F16: that fails retires every connection that has said nothing since, for one timeout in all', async () => {
    const world = await idlePool(10, 1000);
    world.server.manners.ping = 'silent';

    const borrower = await world.acquire();
    await world.clock.advance(500);

    expect(borrower.lease?.connection.pid).toBe(11);
    expect(borrower.servedAt - borrower.askedAt).toBe(500);
    expect(world.events.pings).toHaveLength(1);
    expect(world.closeReasons).toEqual(Array.from({ length: 10 }, () => 'failed_ping'));
  });

  it('F16: that fails spares a connection that was returned since the ping began', async () => {
    const world = await idlePool(3, 0);
    const busy = await world.acquire();
    await world.clock.advance(1000);
    world.server.manners.ping = 'silent';
    const borrower = await world.acquire({ canAbort: true });
    await world.clock.advance(100);
    borrower.abort?.();
    await world.giveBack(busy);

    await world.clock.advance(400);

    expect(world.closeReasons).toEqual(['failed_ping', 'failed_ping']);
    expect(busy.lease?.connection.isAlive).toBe(true);
  });

  it('F16: that fails spares a connection that has answered a ping since', async () => {
    const world = await idlePool(3, 1000);
    world.server.manners.ping = 'silent';
    const first = await world.acquire({ canAbort: true });
    await world.clock.advance(100);
    world.server.manners.ping = ['ok', 100];
    const second = await world.acquire({ canAbort: true });
    first.abort?.();
    second.abort?.();

    await world.clock.advance(400);

    expect(world.events.pings.map(({ outcome }) => outcome)).toEqual(['ok', 'failed']);
    expect(world.pool.stats()).toMatchObject({ idle: 1, total: 1 });
  });

  it('F15: of ten dead connections costs no borrower its lease', async () => {
    const world = await idlePool(10, 1000);
    world.server.manners.ping = ['fails', 0];

    const borrowers = await world.acquireMany(10);

    expect(borrowers.map(({ error }) => error)).toEqual(borrowers.map(() => undefined));
    expect(world.holding).toHaveLength(10);
    expect(world.server.peak).toBe(10);
  });

  it('F15: whose connection dies meanwhile gives the borrower another one', async () => {
    const world = await idlePool(1, 1000);
    world.server.manners.ping = 'silent';
    const borrower = await world.acquire();

    await Promise.all(world.server.open.map((connection) => world.break(connection)));

    expect(borrower.lease?.connection.pid).toBe(2);
  });

  it('F59: that was answered while the event loop stood still has not failed', async () => {
    const world = await idlePool(5, 1000);
    world.server.manners.ping = ['ok', 20];
    const borrowers = await world.acquireMany(5);

    await world.clock.stall(3000);

    expect(new Set(borrowers.map(({ lease }) => lease?.connection.pid))).toEqual(
      new Set([1, 2, 3, 4, 5]),
    );
    expect(world.closeReasons).toEqual([]);
  });

  it('F59: control: without a second look all of them would be lost', async () => {
    const world = await idlePool(
      5,
      1000,
      {},
      undefined,
      withClock(() => ({ afterIo: (work) => work() })),
    );
    world.server.manners.ping = ['ok', 20];
    await world.acquireMany(5);

    await world.clock.stall(3000);

    expect(world.closeReasons).toHaveLength(5);
  });

  it('F59: that is not answered fails after a stall as it does without one', async () => {
    const world = await idlePool(1, 1000);
    world.server.manners.ping = 'silent';
    const borrower = await world.acquire();

    await world.clock.stall(1500);

    expect(borrower.lease?.connection.pid).toBe(2);
    expect(world.closeReasons).toEqual(['failed_ping']);
  });
});
