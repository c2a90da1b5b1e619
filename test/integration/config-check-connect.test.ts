import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { TestFiles } from '#test/support/certificates.ts';
import { startOwnServer } from '#test/support/own-server.ts';
import { PgBouncer, hasPgBouncer } from '#test/support/pgbouncer.ts';
import { poolerTls } from '#test/support/pooler-tls.ts';
import { runCommand } from '#test/support/run-command.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const ENTRY = resolve('src/cli/config-check.ts');
const PASSWORD = 'c4n4ry-config-check';
const role = `checked_${randomBytes(4).toString('hex')}`;

let database: TestDatabase;
let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidegauge-config-check-'));
  database = await TestDatabase.create();
  await database.createRole(role, `login password '${PASSWORD}' connection limit 18`);
  await database.query(`grant usage on schema public to ${role};
    grant select on all tables in schema public to ${role}`);
});

afterAll(async () => {
  await database.dropRole(role);
  await database.drop();
  rmSync(folder, { recursive: true });
});

const asRole = () => databaseUrl(database.address, { user: role, password: PASSWORD });

/** Checks with these variables and no others, away from a `.env`. */
const check = (env: Readonly<Record<string, string>>) =>
  runCommand([process.execPath, ENTRY, '--connect'], { env, cwd: folder });

/** Ids of the findings that are told, with what they are. */
const findingsIn = (text: string) =>
  [...text.matchAll(/^(error|warning|info): ([a-z-]+): /gm)].map(([, severity, id]) =>
    [severity, id].join(' '),
  );

describe('npm run config:check -- --connect', () => {
  it('says where each connection leads, what is found there, and that all can be used', async () => {
    const { code, stdout, stderr } = await check({
      DATABASE_URL: asRole(),
      MIGRATION_DATABASE_URL: database.url,
      REPORTING_DATABASE_URL: database.url,
      DATABASE_REPLICA_URLS: asRole(),
    });

    const { host, port, user, database: name } = database.address;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      database: { connection: { user: role, password: '[redacted]' } },
    });
    const ways = [...stderr.matchAll(/^(.*) reached: PostgreSQL 1[5-9]\.[^\n]*, no TLS$/gm)];
    expect(ways.map(([, way]) => way)).toEqual([
      `DATABASE_URL (${host}:${port}/${name} as ${role})`,
      `MIGRATION_DATABASE_URL (${host}:${port}/${name} as ${user})`,
      `REPORTING_DATABASE_URL (${host}:${port}/${name} as ${user})`,
      `DATABASE_REPLICA_URLS (1 of 1) (${host}:${port}/${name} as ${role})`,
    ]);
    expect(findingsIn(stderr)).toEqual(
      expect.arrayContaining([
        'warning connections-exceed-role-limit',
        'warning fsync',
        'info host-figures',
        'warning reporting-may-write',
        'warning not-a-replica',
      ]),
    );
    expect(stderr).toContain('may have 18 (CONNECTION LIMIT)');
    expect(stdout + stderr).not.toContain(PASSWORD);
    expect(stdout + stderr).not.toContain(database.address.password);
  });

  it('exits 1 for one that cannot be reached, and still tells of the others', async () => {
    const { code, stderr } = await check({
      DATABASE_URL: asRole(),
      MIGRATION_DATABASE_URL: databaseUrl(database.address, { user: role, password: 'c4n4ry-no' }),
      DATABASE_REPLICA_URLS: `postgres://app@127.0.0.1:1/tidegauge`,
    });

    expect(code).toBe(1);
    expect(stderr).toMatch(/^DATABASE_URL \(.*\) reached: /m);
    expect(stderr).toMatch(/^MIGRATION_DATABASE_URL \(.*\) not reached: DB_AUTH_FAILED: /m);
    expect(stderr).toMatch(
      /^DATABASE_REPLICA_URLS \(1 of 1\) \(.*\) not reached: DB_CONNECT_REFUSED: /m,
    );
    expect(stderr).not.toContain('c4n4ry-no');
  });

  it('exits 1 for another server or database behind one that should be the same', async () => {
    await using other = await startOwnServer();

    const { code, stderr } = await check({
      DATABASE_URL: asRole(),
      DATABASE_DIRECT_URL: databaseUrl(other.connection, { database: 'postgres' }),
    });
    const control = await check({ DATABASE_URL: asRole(), DATABASE_DIRECT_URL: asRole() });

    expect(code).toBe(1);
    expect(findingsIn(stderr).filter((finding) => finding.startsWith('error'))).toEqual([
      'error other-server',
      'error other-database',
    ]);
    expect({ code: control.code, found: findingsIn(control.stderr).join('\n') }).toEqual({
      code: 0,
      found: expect.not.stringContaining('error'),
    });
  });

  it('leaves the server as it was', async () => {
    await check({ DATABASE_URL: asRole() });

    await expect
      .poll(() => database.query('select pid from pg_stat_activity where usename = $1', [role]))
      .toEqual([]);
  });
});

describe.runIf(hasPgBouncer())('npm run config:check -- --connect, behind PgBouncer', () => {
  it('finds usable what leads through one that ends TLS, and what leads past it', async () => {
    using files = new TestFiles();
    await using bouncer = await PgBouncer.start(database.address, await poolerTls(files));
    const pooled = `${databaseUrl(bouncer.address(database.address.database))}?sslmode=require`;

    const { code, stderr } = await check({
      DATABASE_URL: pooled,
      DATABASE_DIRECT_URL: database.url,
      REPORTING_DATABASE_URL: pooled,
      DATABASE_REPLICA_URLS: pooled,
      DB_POOLER: 'pgbouncer',
    });

    const ways = [...stderr.matchAll(/^([A-Z_]+) .* reached: .*, (TLS|no TLS)$/gm)];
    expect({ code, ways: ways.map(([, ...words]) => words.join(': ')) }).toEqual({
      code: 0,
      ways: [
        'DATABASE_URL: TLS',
        'DATABASE_DIRECT_URL: no TLS',
        'REPORTING_DATABASE_URL: TLS',
        'DATABASE_REPLICA_URLS: TLS',
      ],
    });
  });

  it('exits 1 for one that is taken for the server and drops the limits of its sessions', async () => {
    await using bouncer = await PgBouncer.start(database.address, {
      ignore_startup_parameters: 'options',
    });
    const address = bouncer.address(database.address.database);

    const main = await check({ DATABASE_URL: databaseUrl(address) });
    const direct = await check({
      DATABASE_URL: databaseUrl(address),
      DATABASE_DIRECT_URL: databaseUrl(address, { host: 'localhost' }),
      DB_POOLER: 'pgbouncer',
    });

    expect([main.code, direct.code]).toEqual([1, 1]);
    expect(main.stderr).toMatch(/^DATABASE_URL \(.*\) not reached: CONFIG_INVALID: /m);
    expect(direct.stderr).toMatch(/^DATABASE_URL \(.*\) reached: /m);
    expect(direct.stderr).toMatch(/^DATABASE_DIRECT_URL \(.*\) not reached: CONFIG_INVALID: /m);
  });
});
