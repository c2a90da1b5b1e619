import { statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import type { EmbeddedServer } from '#database/embedded/embedded-server.ts';
import { readEmbeddedState } from '#database/embedded/read-embedded-state.ts';
import { temporaryFolder, withClient } from '#test/support/embedded-owner.ts';

describe('an embedded server after its first start', () => {
  const folder = temporaryFolder('first start');
  const dataDir = join(folder.path, 'made/by us');
  const log: string[] = [];
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startEmbeddedPostgres({
      dataDir,
      persistent: true,
      settings: { log_min_duration_statement: '0', max_connections: '33' },
      log: (line) => log.push(line),
    });
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });

  it('is PostgreSQL 18 with the application’s database, in UTF-8, whatever the locale of the system', async () => {
    const row = await withClient(server.connection, async (client) => {
      const result = await client.query(
        `select current_database() as database, current_user as role,
                current_setting('server_version_num')::int / 10000 as major,
                current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone,
                lower('ÀÉÑ') as lower, (select datlocprovider::text from pg_database where datname = 'tidegauge') as provider`,
      );
      return result.rows[0];
    });

    expect(row).toEqual({
      database: 'tidegauge',
      role: 'postgres',
      major: 18,
      encoding: 'UTF8',
      zone: 'UTC',
      lower: 'àéñ',
      provider: 'b',
    });
  });

  it('lets nobody in without the password, on any database', async () => {
    const { connection } = server;
    const methods = await withClient(connection, async (client) => {
      const { rows } = await client.query('select distinct auth_method from pg_hba_file_rules');
      return rows;
    });

    expect(methods).toEqual([{ auth_method: 'scram-sha-256' }]);
    for (const database of ['tidegauge', 'postgres']) {
      const wrong = withClient({ ...connection, database, password: 'wrong' }, async () => 'in');
      await expect(wrong).rejects.toMatchObject({ code: '28P01' });
    }
  });

  it('logs no values, and has the settings that were asked for', async () => {
    const names = [
      'log_parameter_max_length',
      'log_parameter_max_length_on_error',
      'log_error_verbosity',
      'max_connections',
      'fsync',
    ];
    const rows = await withClient(server.connection, async (client) => {
      const result = await client.query(
        'select name, setting from pg_settings where name = any($1)',
        [names],
      );
      return Object.fromEntries(result.rows.map((row) => [row.name, row.setting]));
    });

    expect(rows).toEqual({
      log_parameter_max_length: '0',
      log_parameter_max_length_on_error: '0',
      log_error_verbosity: 'terse',
      max_connections: '33',
      fsync: 'on',
    });
  });

  it('tells its log line by line without a value of any row, that of a refused one included', async () => {
    await withClient(server.connection, async (client) => {
      await client.query('create table secrets (name text primary key)');
      await client.query('insert into secrets values ($1)', ['s3cret-value']);
      const twice = client.query('insert into secrets values ($1)', ['s3cret-value']);
      await expect(twice).rejects.toMatchObject({ code: '23505' });
    });

    const text = log.join('\n');
    expect(text).toContain('insert into secrets values ($1)');
    expect(text).toContain('duplicate key value violates unique constraint');
    expect(text).not.toContain('s3cret-value');
  });

  it('keeps its secrets in files that only their owner may read', () => {
    const mode = (path: string): number => statSync(join(dataDir, path)).mode & 0o777;

    expect(mode('state.json')).toBe(0o600);
    expect(mode('data')).toBe(0o700);
    expect(mode('.') & 0o066).toBe(0);
  });

  it('listens on the loopback address alone', async () => {
    const { port } = server.connection;
    const connects = (host: string): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = createConnection({ host, port });
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
        socket.once('close', () => socket.destroy()).once('connect', () => socket.destroy());
      });
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');

    expect(await connects('127.0.0.1')).toBe(true);
    expect(await Promise.all(others.map(({ address }) => connects(address)))).toEqual(
      others.map(() => false),
    );
  });

  it('is found by other programs of the checkout while it runs', async () => {
    const { connection, roles } = server;
    expect(await readEmbeddedState(dataDir)).toEqual({ connection, roles });
    expect(await readEmbeddedState(join(folder.path, 'elsewhere'))).toBeUndefined();
  });
});
