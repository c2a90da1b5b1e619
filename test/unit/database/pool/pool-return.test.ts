import { describe, expect, it } from 'vitest';
import type { FakeConnection } from '#test/support/pool/fake-connection.ts';
import { withParts } from '#test/support/pool/broken-parts.ts';
import { PoolWorld } from '#test/support/pool/pool-world.ts';

/** A pool of one connection, and who holds it. */
async function held(...parts: ConstructorParameters<typeof PoolWorld>) {
  const [settings, ...others] = parts;
  const world = new PoolWorld({ poolSize: 1, maxOverflow: 0, ...settings }, ...others);
  const borrower = await world.acquire();
  const [connection] = world.server.connections;
  if (connection === undefined) {
    throw new Error('bug: nothing was opened');
  }
  return { world, borrower, connection };
}

const LEAVINGS: readonly (readonly [string, (connection: FakeConnection) => void])[] = [
  ['inside a transaction', (connection) => void (connection.transaction = 'T')],
  ['inside a failed transaction', (connection) => void (connection.transaction = 'E')],
  ['while a statement runs', (connection) => void (connection.isBusy = true)],
];

describe('a connection that is returned', () => {
  it('is idle, and used again', async () => {
    const { world, borrower, connection } = await held();

    await world.giveBack(borrower);

    expect(world.pool.stats()).toMatchObject({ idle: 1, used: 0 });
    expect((await world.acquire()).lease?.connection).toBe(connection);
  });

  it.each(LEAVINGS)('F13: %s is not used again', async (_name, leave) => {
    const { world, borrower, connection } = await held();
    leave(connection);

    await world.giveBack(borrower);

    expect(world.closeReasons).toEqual(['dirty']);
    await world.clock.advance(500);
    expect((await world.acquire()).lease?.connection.pid).toBe(2);
    expect(connection.isOpen).toBe(false);
  });

  it('F12: is not used again when its holder says so', async () => {
    const { world, borrower } = await held();

    await world.giveBack(borrower, true);

    expect(world.closeReasons).toEqual(['dirty']);
  });

  it('is not used again when something is known against it', async () => {
    const { world, borrower, connection } = await held();
    connection.isDoubtful = true;

    await world.giveBack(borrower);

    expect(world.closeReasons).toEqual(['broken']);
  });

  it('F21: holds its slot until the server has let go, so that the bound holds there too', async () => {
    const { world, borrower } = await held();
    world.server.manners.close = ['ok', 200];
    await world.giveBack(borrower, true);

    const next = await world.acquire();

    expect(next.isPending).toBe(true);
    await world.clock.advance(200);
    expect(next.lease?.connection.pid).toBe(2);
    expect(world.server.peak).toBe(1);
  });

  it('F14: is reset before the next holder when the last one may have changed its session', async () => {
    const { world, borrower, connection } = await held();
    world.server.manners.reset = ['ok', 50];
    connection.isSessionChanged = true;
    const next = await world.acquire();

    await world.giveBack(borrower);

    expect(world.pool.stats()).toMatchObject({ idle: 0, used: 0, connecting: 1, waiting: 1 });
    await world.clock.advance(50);
    expect(next.lease?.connection).toBe(connection);
    expect(connection.isSessionChanged).toBe(false);
  });

  it.each([
    { name: 'fails', answer: ['fails', 0] as const, waitMs: 0 },
    { name: 'is not answered within a second', answer: 'silent' as const, waitMs: 1000 },
  ])('F14: is not used again when its reset $name', async ({ answer, waitMs }) => {
    const { world, borrower, connection } = await held();
    world.server.manners.reset = answer;
    connection.isSessionChanged = true;

    await world.giveBack(borrower);
    await world.clock.advance(waitMs);

    expect(world.closeReasons).toEqual(['dirty']);
  });

  it('F1: is returned once, however often its holder says so', async () => {
    const { world, borrower } = await held();
    await world.giveBack(borrower);
    const next = await world.acquire();

    borrower.lease?.release();
    borrower.lease?.release(true);
    await world.clock.tick();

    expect(next.lease?.isOver).toBe(false);
    expect(world.pool.stats()).toMatchObject({ used: 1, total: 1 });
    expect(world.events.leasesEnded).toHaveLength(1);
  });

  it.each(['error', 'end', 'timeout'] as const)(
    'F1: frees its slot at once when it dies of %s while it is leased, whatever its holder does',
    async (reason) => {
      const { world, borrower, connection } = await held();
      const next = await world.acquire();
      await world.clock.advance(100);

      await world.break(connection, reason);
      borrower.lease?.release();
      await world.clock.tick();

      expect(borrower.lease?.isOver).toBe(true);
      expect(next.lease?.connection.pid).toBe(2);
      expect(world.events.reclaims).toMatchObject([{ reason, pid: 1, heldMs: 100 }]);
      expect(world.closeReasons).toEqual([reason === 'timeout' ? 'timeout' : 'broken']);
    },
  );

  it('F1: 400 deaths at every moment of a lease leak no slot', async () => {
    const { world, borrower } = await held({ poolSize: 3 });
    await world.giveBack(borrower);

    for (let cut = 0; cut < 400; cut += 1) {
      const one = await world.acquire();
      await world.clock.advance(cut % 7);
      await Promise.all(world.server.open.map((connection) => world.break(connection)));
      await world.giveBack(one);
    }

    expect(world.borrowers.filter(({ lease }) => lease === undefined)).toEqual([]);
    expect(world.pool.stats()).toMatchObject({ used: 0, waiting: 0, connecting: 0 });
    expect(world.server.open).toHaveLength(world.pool.stats().total);
  });

  it('F1: control: a pool that is not told of deaths is wedged by the fourth', async () => {
    const { world } = await held(
      { poolSize: 3 },
      undefined,
      withParts(({ open }) => ({
        open: (options) => open({ ...options, onBroken: () => undefined }),
      })),
    );
    await world.acquireMany(2);
    const dead = [...world.server.open];

    await Promise.all(dead.map((connection) => world.break(connection)));
    const wedged = await world.acquire();
    await world.clock.advance(2000);

    expect(wedged.error).toMatchObject({ code: 'DB_POOL_TIMEOUT' });
  });
});
