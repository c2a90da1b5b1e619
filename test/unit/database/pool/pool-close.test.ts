import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { PoolWorld } from '#test/support/pool/pool-world.ts';

const codeOf = (error: unknown) => (error instanceof DatabaseError ? error.code : error);

describe('a pool that is closed', () => {
  it('closes idle connections and is done when their sockets are closed', async () => {
    const world = new PoolWorld();
    await world.start();
    world.server.manners.close = ['ok', 30];

    await world.close(5000);

    expect(world.closing?.isDone).toBe(false);
    await world.clock.advance(30);
    expect(world.closing?.isDone).toBe(true);
    expect(world.closeReasons).toEqual(['shutdown', 'shutdown', 'shutdown']);
    expect([world.server.open, world.clock.timers]).toEqual([[], 0]);
  });

  it('F24: refuses who waits at once, gives leases their grace, then closes everything, whatever hangs', async () => {
    const world = new PoolWorld({ poolSize: 8, maxOverflow: 0, connectTimeoutMs: 60_000 });
    const busy = await world.acquireMany(5);
    world.server.reception = 'silent';
    const waiting = await world.acquireMany(20);
    expect(world.pool.stats()).toMatchObject({ used: 5, waiting: 20, connecting: 3 });

    await world.close(1000);

    expect(waiting.map(({ error }) => codeOf(error))).toEqual(waiting.map(() => 'DB_CLOSED'));
    await world.clock.advance(999);
    expect(busy.map(({ lease }) => lease?.isOver)).toEqual(busy.map(() => false));
    await world.clock.advance(101);
    expect(busy.map(({ lease }) => lease?.isOver)).toEqual(busy.map(() => true));
    expect(world.closing?.isDone).toBe(true);
    expect([world.server.open.length, world.server.opening, world.clock.timers]).toEqual([0, 0, 0]);
  });

  it('is done as soon as the last lease is returned', async () => {
    const world = new PoolWorld();
    const borrower = await world.acquire();
    await world.close(5000);
    await world.clock.advance(200);

    await world.giveBack(borrower);

    expect(world.closing?.isDone).toBe(true);
    expect(world.closeReasons).toEqual(['shutdown']);
  });

  it('F25: destroys a socket that the server does not close', async () => {
    const world = new PoolWorld();
    await world.start();
    world.server.manners.close = 'silent';

    await world.close(100);
    await world.clock.advance(200);

    expect(world.closing?.isDone).toBe(true);
    expect(world.server.open).toEqual([]);
  });

  it('F24: is done although a ping and a reset are never answered', async () => {
    const world = new PoolWorld({ poolSize: 2, maxOverflow: 0 });
    const [first, second] = await world.acquireMany(2);
    await world.giveBack(first);
    await world.clock.advance(1000);
    world.server.manners.ping = 'silent';
    world.server.manners.reset = 'silent';
    await world.acquire();
    Object.assign(second?.lease?.connection ?? {}, { isSessionChanged: true });
    await world.giveBack(second);
    expect(world.pool.stats()).toMatchObject({ connecting: 2 });

    await world.close(100);
    await world.clock.advance(200);

    expect(world.closing?.isDone).toBe(true);
    expect(world.closeReasons).toEqual(['shutdown', 'shutdown']);
    expect(world.events.pings).toEqual([]);
  });

  it('refuses whoever comes later, and opens nothing any more', async () => {
    const world = new PoolWorld();
    await world.start();
    await world.close(0);
    const { length } = world.server.attempts;

    const late = await world.acquire();
    await world.clock.advance(10_000);

    expect(codeOf(late.error)).toBe('DB_CLOSED');
    expect(world.server.attempts).toHaveLength(length);
  });

  it('is closed once, and everybody who closes it waits for the same end', async () => {
    const world = new PoolWorld();
    await world.acquire();
    const ends: string[] = [];

    void world.pool.close(1000).then(() => ends.push('first'));
    void world.pool.close(60_000).then(() => ends.push('second'));
    await world.clock.advance(1100);

    expect(ends).toEqual(['first', 'second']);
  });

  it('closes what it was opening when it is opened after all', async () => {
    const world = new PoolWorld();
    world.server.reception = ['ok', 300];
    await world.start();

    await world.close(1000);
    await world.clock.advance(300);

    expect(world.closing?.isDone).toBe(true);
    expect(world.closeReasons).toEqual(['shutdown', 'shutdown', 'shutdown']);
  });
});
