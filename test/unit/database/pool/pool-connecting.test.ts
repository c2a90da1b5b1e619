import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { Pool } from '#database/pool/pool.ts';
import { withParts } from '#test/support/pool/broken-parts.ts';
import { PoolWorld } from '#test/support/pool/pool-world.ts';

const codeOf = (error: unknown) => (error instanceof DatabaseError ? error.code : error);

/** A borrower every so many milliseconds, for so long; each gives its lease back at once. */
async function load(world: PoolWorld, everyMs: number, forMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < forMs; passedMs += everyMs) {
    await world.giveBackAll();
    world.ask();
    await world.clock.advance(everyMs);
  }
}

describe('the pool while it connects', () => {
  it('opens its size in the background when it starts', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 2 });
    world.server.reception = ['ok', 50];

    await world.start();

    expect(world.pool.stats()).toMatchObject({ connecting: 3, idle: 0 });
    await world.clock.advance(50);
    expect(world.pool.stats()).toMatchObject({ connecting: 0, idle: 3, total: 3 });
  });

  it('opens nothing before it is asked or started', async () => {
    const world = new PoolWorld();

    await world.clock.advance(10_000);

    expect(world.server.attempts).toEqual([]);
  });

  it('replaces in the background what it loses', async () => {
    const world = new PoolWorld({ poolSize: 3 });
    await world.start();

    await Promise.all(world.server.open.map((connection) => world.break(connection)));
    await world.clock.advance(0);

    expect(world.pool.stats()).toMatchObject({ idle: 3, total: 3 });
    expect(world.server.connections).toHaveLength(6);
  });

  it('F2: loses no slot to attempts that fail, and works with the first that succeeds', async () => {
    const world = new PoolWorld({ poolSize: 3, maxOverflow: 0 });
    world.server.reception = ['fails', 10, 'DB_CONNECT_REFUSED'];
    await load(world, 100, 6000);
    const { length } = world.server.attempts;
    world.server.reception = ['ok', 10];

    await world.clock.advance(1000);
    const first = await world.acquire();
    await world.clock.advance(10);
    const others = await world.acquireMany(2);
    await world.clock.advance(10);

    expect(length).toBeGreaterThanOrEqual(10);
    expect([first, ...others].map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(world.pool.stats()).toMatchObject({ used: 3, total: 3, connecting: 0 });
  });

  it('F2: works on the eleventh attempt after ten that threw what nobody expects', async () => {
    let attempts = 0;
    const world = new PoolWorld(
      { poolSize: 3, maxOverflow: 0 },
      undefined,
      withParts(({ open }) => ({
        open: async (options) => {
          attempts += 1;
          if (attempts <= 10) {
            throw new TypeError('a hook failed');
          }
          return await open(options);
        },
      })),
    );

    await world.start();
    await world.clock.advance(7000);

    expect(attempts).toBe(13);
    expect(world.pool.stats()).toMatchObject({ idle: 3, connecting: 0 });
  });

  it.each([
    { code: 'DB_CONNECT_REFUSED', ms: 10_000, most: 20, name: 'F8: 500 requests a second' },
    { code: 'DB_AUTH_FAILED', ms: 60_000, most: 30, name: 'F9: a wrong password' },
    { code: 'DB_TOO_MANY_CONNECTIONS', ms: 60_000, most: 30, name: 'F23: a full server' },
  ] as const)(
    '$name: at most $most attempts in $ms ms, and answers at once',
    async ({ code, ms, most }) => {
      const world = new PoolWorld({ poolSize: 5, maxOverflow: 5 }, () => 0);
      world.server.reception = ['fails', 1, code];
      await world.start();

      await load(world, code === 'DB_CONNECT_REFUSED' ? 2 : 20, ms);

      // Those that were made together before the first one failed are five more.
      expect(world.server.attempts.length).toBeLessThanOrEqual(most + 5);
      const waits = world.events.acquires.map(({ waitedMs }) => waitedMs).toSorted((a, b) => a - b);
      expect(waits[Math.floor(waits.length / 2)]).toBe(0);
      expect(new Set(world.borrowers.map(({ error }) => codeOf(error)))).toEqual(new Set([code]));
    },
  );

  it('F8: is back within a second of the return of the server', async () => {
    const world = new PoolWorld({ poolSize: 5 }, () => 0.999);
    world.server.reception = ['fails', 1, 'DB_CONNECT_REFUSED'];
    await world.start();
    await load(world, 10, 10_000);
    world.server.reception = ['ok', 1];

    await world.clock.advance(1000);

    expect(world.pool.stats()).toMatchObject({ idle: 5 });
  });

  it('tells each borrower why nothing could be opened, with an error of its own', async () => {
    const world = new PoolWorld({ poolSize: 3 });
    world.server.reception = ['fails', 5, 'DB_HOST_NOT_FOUND'];

    const borrowers = await world.acquireMany(3);
    await world.clock.advance(5);

    expect(borrowers.map(({ error }) => codeOf(error))).toEqual([
      'DB_HOST_NOT_FOUND',
      'DB_HOST_NOT_FOUND',
      'DB_HOST_NOT_FOUND',
    ]);
    expect(new Set(borrowers.map(({ error }) => error)).size).toBe(3);
  });

  it('F23: serves with the connections there are when the server takes no more', async () => {
    const world = new PoolWorld({ poolSize: 20, maxOverflow: 0, acquireTimeoutMs: 5000 });
    world.server.limit = 5;
    await world.start();
    const borrowers = await world.acquireMany(20);

    for (let turn = 0; turn < 4; turn += 1) {
      await world.clock.advance(100);
      await world.giveBackAll();
    }

    expect(borrowers.map(({ error }) => error)).toEqual(borrowers.map(() => undefined));
    expect(world.server.open).toHaveLength(5);
  });

  it('F23: grows again once the server takes more', async () => {
    const world = new PoolWorld({ poolSize: 20, maxOverflow: 0 });
    world.server.limit = 5;
    await world.start();
    world.server.limit = 100;

    await world.clock.advance(5000);

    expect(world.pool.stats()).toMatchObject({ idle: 20 });
  });

  it('waits for what is leased when the server has only just gone away', async () => {
    const world = new PoolWorld({ poolSize: 2, maxOverflow: 0 });
    const holder = await world.acquire();
    world.server.reception = ['fails', 1, 'DB_CONNECT_REFUSED'];
    const waiter = await world.acquire();
    await world.clock.advance(50);
    expect(waiter.isPending).toBe(true);

    await world.giveBack(holder);

    expect(waiter.lease?.connection.pid).toBe(1);
  });

  it('makes one attempt at a time after a connection was lost, and all once one has succeeded', async () => {
    const world = new PoolWorld({ poolSize: 4, maxOverflow: 0 });
    await world.start();
    world.server.reception = ['ok', 10];

    await Promise.all(world.server.open.map((connection) => world.break(connection)));

    expect(world.server.opening).toBe(1);
    await world.clock.advance(10);
    expect(world.server.opening).toBe(3);
    await world.clock.advance(10);
    expect(world.pool.stats()).toMatchObject({ idle: 4 });
  });

  it('shares what it knows of the server with every pool at the same gate', async () => {
    const world = new PoolWorld();
    const { settings, server, gate, clock } = world;
    const other = new Pool(settings, { open: server.connect, gate, clock });
    world.server.reception = ['fails', 1, 'DB_CONNECT_REFUSED'];
    await world.acquire();
    await clock.advance(1);
    server.reception = ['ok', 1];

    const early = other.acquire();
    await clock.advance(300);
    const lease = await early.catch((error: unknown) => codeOf(error));

    expect(server.attempts).toHaveLength(2);
    expect(lease).toMatchObject({ connection: { pid: 1 } });
    void other.close(0);
    await clock.advance(100);
  });

  it('F26: takes a connection that comes after its borrower has given up, so that no session is lost', async () => {
    const world = new PoolWorld({ acquireTimeoutMs: 100, connectTimeoutMs: 5000 });
    world.server.reception = ['ok', 150];
    const borrowers = await world.acquireMany(5);

    await world.clock.advance(200);

    expect(borrowers.map(({ error }) => codeOf(error))).toEqual(
      borrowers.map(() => 'DB_POOL_TIMEOUT'),
    );
    expect(world.server.open).toHaveLength(world.pool.stats().total);
    expect(world.pool.stats()).toMatchObject({ idle: 5 });
  });

  it('retires a connection that dies between its opening and its first use', async () => {
    const world = new PoolWorld(
      {},
      undefined,
      withParts(({ open }) => ({
        open: async (options) => {
          const connection = await open(options);
          if (connection.pid === 1) {
            connection.break();
          }
          return connection;
        },
      })),
    );

    const borrower = await world.acquire();

    expect(borrower.lease?.connection.pid).toBe(2);
    expect(world.closeReasons).toEqual(['broken']);
  });
});
