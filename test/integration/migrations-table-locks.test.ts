import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { migrate } from '#database/migrations/migrate.ts';
import { recordedMigrations } from '#test/support/catalog.ts';
import { withClient } from '#test/support/databases.ts';
import { migrationsFolder } from '#test/support/migrations-folder.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const COLUMN = { title: 'column', up: ['alter table "users" add column "nick" text'] };
const LIMITS = { lockTimeoutMs: 300, lockRetryMs: 0, statementTimeoutMs: 0 };

/** Resolves when the answer is yes. */
const isSo = async (ask: () => Promise<boolean>) =>
  await expect.poll(ask, { timeout: 20_000 }).toBe(true);

function options(database: TestDatabase, migrationsDir: string) {
  return { connection: database.connection, entities: [], migrationsDir };
}

/** Works while another transaction has read a table and goes on. */
async function whileReported<T>(
  database: TestDatabase,
  work: (report: pg.Client) => Promise<T>,
): Promise<T> {
  return await withClient(database.address, async (report) => {
    await report.query('begin; select * from "users"');
    return await work(report);
  });
}

/** Whether a migration stands in the queue for a lock. */
async function isQueued(database: TestDatabase): Promise<boolean> {
  const rows = await database.query(
    `select 1 from pg_stat_activity where application_name = 'tidegauge/migrate' and wait_event_type = 'Lock'
       and datname = current_database()`,
  );
  return rows.length === 1;
}

describe('a migration that waits for a table', () => {
  it('gives up again and again, so that whoever came after it reads while the report goes on', async () => {
    await using database = await TestDatabase.create();
    using folder = migrationsFolder(COLUMN);
    const stopping = new AbortController();

    await whileReported(database, async () => {
      const run = migrate({
        ...options(database, folder.path),
        limits: { ...LIMITS, lockRetryMs: 60_000 },
        signal: stopping.signal,
      });
      run.catch(() => undefined);
      await isSo(() => isQueued(database));
      await database.query('select * from "users"');
      stopping.abort(new Error('stopping'));

      await expect(run).rejects.toThrow('stopping');
    });
  });

  it('fails when it is not to be tried again', async () => {
    await using database = await TestDatabase.create();
    using folder = migrationsFolder(COLUMN);

    const run = whileReported(database, () =>
      migrate({ ...options(database, folder.path), limits: LIMITS }),
    );

    await expect(run).rejects.toMatchObject({
      code: 'DB_LOCK_TIMEOUT',
      details: { sqlState: '55P03' },
    });
  });

  it('without a limit would keep all readers waiting for as long as the report', async () => {
    await using database = await TestDatabase.create();
    using folder = migrationsFolder(COLUMN);
    let hasRead = false;

    const [{ applied }] = await whileReported(database, async (report) => {
      const run = migrate({
        ...options(database, folder.path),
        limits: { ...LIMITS, lockTimeoutMs: 0 },
      });
      await isSo(() => isQueued(database));
      const reader = database.query('select * from "users"').then(() => (hasRead = true));
      // Far longer than the limit of the test above.
      await report.query('select pg_sleep(1.5)');
      expect(hasRead).toBe(false);
      await report.query('commit');
      return await Promise.all([run, reader]);
    });

    expect(applied).toHaveLength(1);
  });

  it('is rolled back and tried again until the report is done', async () => {
    await using database = await TestDatabase.create();
    using folder = migrationsFolder(COLUMN);
    const told: string[] = [];

    const { applied } = await whileReported(database, (report) =>
      migrate({
        ...options(database, folder.path),
        limits: { ...LIMITS, lockRetryMs: 60_000 },
        onRetry({ code }) {
          told.push(code);
          if (told.length === 2) {
            void report.query('commit');
          }
        },
      }),
    );

    expect(told).toStrictEqual(['DB_LOCK_TIMEOUT', 'DB_LOCK_TIMEOUT']);
    expect(await recordedMigrations(database)).toContain(applied[0]);
  });
});

it('a statement of a migration that takes too long is ended, and nothing of it stays', async () => {
  await using database = await TestDatabase.create();
  using folder = migrationsFolder({ ...COLUMN, up: [...COLUMN.up, 'select pg_sleep(60)'] });
  const before = await recordedMigrations(database);

  const run = migrate({
    ...options(database, folder.path),
    limits: { ...LIMITS, statementTimeoutMs: 200 },
  });

  await expect(run).rejects.toMatchObject({ code: 'DB_QUERY_TIMEOUT' });
  expect(await recordedMigrations(database)).toStrictEqual(before);
});
