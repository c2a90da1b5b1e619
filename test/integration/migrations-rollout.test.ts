import { describe, expect, it } from 'vitest';
import { assertClean } from '#test/support/assert-clean.ts';
import { addUser } from '#test/support/api-rows.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import { TestDatabase } from '#test/support/test-database.ts';

// The probe asks once a second; a busy machine gets more.
const SOON = { timeout: 15_000, interval: 50 };

describe('F47: during a rollout an instance', () => {
  it('serves on a schema that a newer release has migrated', async () => {
    await using database = await TestDatabase.create();
    await database.query(
      `insert into mikro_orm_migrations (name) values ('Migration29990101000000_newer')`,
    );
    await database.query('alter table "users" add column "of_the_newer_release" text');
    await using service = await buildTestService({ database });

    const ready = await service.request.get('/readyz');
    const user = await addUser(service.request);

    expect(ready).toMatchObject({ status: 200, body: { status: 'up' } });
    expect((await service.request.get(`/users/${user.id}`)).status).toBe(200);
    await assertClean(service);
  });

  it('is not ready on a schema that is older than its code, until that is migrated', async () => {
    await using database = await TestDatabase.create();
    await using service = await buildTestService({ database });
    const readiness = async () => {
      const { status, body } = await service.request.get('/readyz');
      return [status, body.status];
    };

    const [record] = await database.query<{ name: string; checksum: string }>(
      'delete from mikro_orm_migrations where id = 1 returning name, checksum',
    );
    await expect.poll(readiness, SOON).toStrictEqual([503, 'migrations_pending']);
    await database.query('insert into mikro_orm_migrations (name, checksum) values ($1, $2)', [
      record?.name,
      record?.checksum,
    ]);

    await expect.poll(readiness, SOON).toStrictEqual([200, 'up']);
  });
});
