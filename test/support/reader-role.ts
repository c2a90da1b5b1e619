import { randomBytes } from 'node:crypto';
import type { DatabaseConnection } from '#database/database-options.ts';
import { withClient } from './databases.ts';
import type { TestDatabase } from './test-database.ts';
import type { TestServerAddress } from './test-server.ts';

/** A role that can read one database of the tests, and nothing more. Drop it before its database. */
export interface ReaderRole extends AsyncDisposable {
  readonly address: TestServerAddress;
  readonly connection: DatabaseConnection;
  /** As `REPORTING_DATABASE_URL`. */
  readonly url: string;
}

/** Functions that everybody may call and that leave something behind, or keep others waiting. */
const GUARDED = `lo_creat lo_create lo_from_bytea lo_put lo_truncate lo_truncate64 lo_unlink lowrite
  pg_logical_emit_message pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock
  pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
  pg_try_advisory_xact_lock_shared`.split(/\s+/);

/** Makes a reader of what is in the database now. */
export async function createReader({ address }: TestDatabase): Promise<ReaderRole> {
  const role = `reader_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  await withClient(address, async (client) => {
    await client.query(
      `create role ${role} login noinherit connection limit 20 password '${password}'`,
    );
    await client.query(`alter role ${role} set temp_file_limit = '256MB'`);
    await client.query(`revoke all on database "${address.database}" from public`);
    await client.query(`grant connect on database "${address.database}" to ${role}`);
    await client.query(`grant usage on schema public to ${role}`);
    await client.query(`grant select on all tables in schema public to ${role}`);
    const { rows } = await client.query<{ routine: string }>(
      `select oid::regprocedure::text as routine from pg_catalog.pg_proc
       where pronamespace = 'pg_catalog'::regnamespace and proname = any($1)`,
      [GUARDED],
    );
    for (const { routine } of rows) {
      await client.query(`revoke execute on function ${routine} from public`);
    }
  });
  const { host, port, database } = address;
  return {
    address: { ...address, user: role, password },
    connection: { host, port, database, user: role, password: { reveal: () => password } },
    url: `postgresql://${role}:${password}@${host}:${port}/${database}`,
    async [Symbol.asyncDispose]() {
      await withClient(address, async (client) => {
        await client.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1',
          [role],
        );
        await client.query(`drop owned by ${role}`);
        await client.query(`drop role ${role}`);
      });
    },
  };
}
