import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertClean } from '#test/support/assert-clean.ts';
import { startChaosService } from '#test/support/chaos/chaos-service.ts';
import type { ChaosService } from '#test/support/chaos/chaos-service.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { UserWriters } from '#test/support/chaos/user-writers.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { temporaryFolder } from '#test/support/embedded-owner.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const WRITERS = 8;
const WRITES_BETWEEN_ROTATIONS = 100;

describe('H9: a password that is rotated under load, the old one invalid at once', () => {
  const figures = new Figures('H9', rounds.rotations);
  const role = `rotated_${randomBytes(4).toString('hex')}`;
  let database: TestDatabase;
  let folder: ReturnType<typeof temporaryFolder>;
  let passwordFile: string;
  let password: string;

  beforeEach(async () => {
    database = await TestDatabase.create();
    folder = temporaryFolder('password');
    passwordFile = join(folder.path, 'password');
    await database.createRole(role, 'login in role pg_read_all_data, pg_write_all_data');
    await rotate();
  });
  afterEach(async () => {
    await database.dropRole(role);
    await database.drop();
    folder.remove();
  });
  afterAll(figures.publish);

  /** The server first, then the file, as somebody does by hand. */
  async function rotate(): Promise<void> {
    password = randomBytes(12).toString('hex');
    await database.query(`alter role ${role} password '${password}'`);
    writeFileSync(passwordFile, password);
  }

  const isRefused = async (old: string) => {
    const client = new pg.Client({ ...database.address, user: role, password: old });
    return await client.connect().then(
      () => client.end().then(() => 'accepted'),
      (error: unknown) => String(Reflect.get(Object(error), 'code')),
    );
  };
  const sessionsBefore = async (moment: Date) => {
    const [row] = await database.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where application_name = 'tidegauge/main'
       and usename = $1 and backend_start < $2`,
      [role, moment],
    );
    return row?.n;
  };

  /** Rotates under load and has every connection replaced, each time; returns who is told what by the old password. */
  async function rotateUnderLoad(service: ChaosService, count: number, writers: UserWriters) {
    const toldOld: string[] = [];
    for (let rotation = 0; rotation < count; rotation += 1) {
      const old = password;
      await rotate();
      const rotatedAt = new Date();
      service.evict();
      toldOld.push(await isRefused(old));
      const wanted = writers.answers.count() + WRITES_BETWEEN_ROTATIONS;
      await until('requests go on', () => writers.answers.count() >= wanted || undefined);
      await expect.poll(() => sessionsBefore(rotatedAt)).toBe(0);
    }
    return toldOld;
  }

  it('F28: fails no request, and every session has logged in with the new one', async () => {
    await using service = await startChaosService({
      DATABASE_URL: databaseUrl(database.address, { user: role, password: 'in-the-file' }),
      DATABASE_PASSWORD_FILE: passwordFile,
      MIGRATE_ON_START: 'false',
    });
    const writers = new UserWriters(service.url, WRITERS, new WriteHistory(0));

    const toldOld = await rotateUnderLoad(service, rounds.rotations, writers);
    await writers.stop();

    figures.note('answers', writers.answers);
    expect(toldOld).toEqual(Array(rounds.rotations).fill('28P01'));
    expect(writers.answers.except(/^201$/)).toEqual({});
    await assertClean(service);
  });

  it('would be caught failing them: with a password that is not read again they do', async () => {
    await using service = await startChaosService({
      DATABASE_URL: databaseUrl(database.address, { user: role, password }),
      MIGRATE_ON_START: 'false',
    });
    const writers = new UserWriters(service.url, WRITERS, new WriteHistory(0));

    await rotateUnderLoad(service, 1, writers);
    await writers.stop();

    figures.control('password in the URL', writers.answers);
    expect(writers.answers.count(/^503 DB_AUTH_FAILED$/)).toBeGreaterThan(0);
  });
});
