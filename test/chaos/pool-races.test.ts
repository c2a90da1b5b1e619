import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { ourSessions } from '#test/support/chaos/our-sessions.ts';
import { race } from '#test/support/chaos/races.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { chaosSeed, seededRandom } from '#test/support/chaos/seeded-random.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const RACES = rounds.races;
const SLOTS = 3;
/** About as long as a statement takes. */
const UP_TO_MS = 6;
/** About as long as the wait for a connection and the work take. */
const PATIENCE_MS = 80;
const STATEMENT = 'select pg_sleep(0.003)';
const GONE = new Error('gone');
/** Enough to outlast the gate, which lets everybody wait for the server once. */
const TERMINATIONS = 1000;

describe('H8: races for the connections of a pool', () => {
  const seed = chaosSeed();
  const random = seededRandom(seed);
  const figures = new Figures('H8', RACES, seed);
  let database: TestDatabase;
  let sessions: DatabaseSessionManager;

  beforeEach(async () => {
    database = await TestDatabase.create({ empty: true });
    sessions = new DatabaseSessionManager();
    await sessions.init(database.options({ poolSize: SLOTS, maxOverflow: 0 }));
  });
  afterEach(async () => {
    await sessions.close();
    await database.drop();
  });
  afterAll(figures.publish);

  const work = (signal?: AbortSignal) =>
    sessions.session((db) => db.execute(STATEMENT), signal && { signal });
  const abortedAtRandom = () => {
    const leaving = new AbortController();
    const timer = setTimeout(() => leaving.abort(GONE), random() * PATIENCE_MS);
    return work(leaving.signal).finally(() => clearTimeout(timer));
  };
  const evicting = async () => {
    await delay(random() * UP_TO_MS);
    sessions.evict();
    await work();
  };

  it('between evicting and borrowing are lost by nobody', async () => {
    const { racers, bystanders } = await race(RACES, evicting, work);

    figures.note('evict while borrowing', racers);
    figures.note('beside it', bystanders);
    expect(racers.total).toEqual({ done: RACES });
    expect(bystanders.except(/^done$/)).toEqual({});
    await assertClean(sessions);
    await expect
      .poll(() => ourSessions(database.address))
      .toEqual({ pool: SLOTS, idleInTransaction: 0 });
  });

  it('between giving up and being served end as one or the other, and cancel nobody else', async () => {
    const { racers, bystanders } = await race(RACES, abortedAtRandom, work);

    figures.note('abort at random', racers);
    figures.note('beside it', bystanders);
    expect(racers.except(/^(done|Error: gone)$/)).toEqual({});
    expect(racers.count(/gone/)).toBeGreaterThan(0);
    expect(racers.count(/done/)).toBeGreaterThan(0);
    expect(bystanders.except(/^done$/)).toEqual({});
    await assertClean(sessions);
    await expect
      .poll(() => ourSessions(database.address))
      .toEqual({ pool: SLOTS, idleInTransaction: 0 });
  });

  it('would be caught cancelling others: a cancel that nobody waits for does', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: SLOTS });
    const canceller = new pg.Pool({ connectionString: database.url, max: 2 });
    const cancelledAtRandom = async () => {
      const client = await pool.connect();
      const pid: unknown = Reflect.get(client, 'processID');
      setTimeout(
        () => void canceller.query('select pg_cancel_backend($1)', [pid]),
        random() * UP_TO_MS,
      );
      await client.query(STATEMENT).finally(() => client.release());
    };

    const { bystanders } = await race(RACES, cancelledAtRandom, () => pool.query(STATEMENT));
    await delay(2 * UP_TO_MS);
    await Promise.all([pool.end(), canceller.end()]);

    figures.control('beside cancels that nobody waits for', bystanders);
    expect(bystanders.count(/canceling statement/)).toBeGreaterThan(0);
  });

  it('would be caught failing borrowers: ending the connections that they have does', async () => {
    const terminating = async () => {
      await delay(random() * UP_TO_MS);
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'tidegauge/main' and datname = current_database()`,
      );
    };

    const { bystanders } = await race(TERMINATIONS, terminating, work);

    figures.control('beside connections ended by force', bystanders);
    expect(bystanders.count(/DB_/)).toBeGreaterThan(0);
  });
});
