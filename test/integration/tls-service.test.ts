import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { HealthProbe } from '#database/health/health-probe.ts';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { TestAuthority } from '#test/support/certificates.ts';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { failureOf } from '#test/support/failure-of.ts';
import { poolStatsOf } from '#test/support/pool-stats-of.ts';
import { TlsServer } from '#test/support/tls-server.ts';
import { until } from '#test/support/until.ts';

const TOKEN = 'c4n4ry-tls-service';
const NAMES = [{ type: 'ip', value: '127.0.0.1' }] as const;
const DAY_S = 86_400;

let authority: TestAuthority;
let server: TlsServer;
let service: TestService;
let url: string;

beforeAll(async () => {
  authority = await TestAuthority.create('known');
  const identity = await authority.issue({ commonName: 'db', names: NAMES, days: 10 });
  server = await TlsServer.start(identity, authority);
  url = databaseUrl(server.address);
  service = await buildTestService({
    env: {
      DATABASE_URL: url,
      DB_SSL_MODE: 'verify-full',
      DB_SSL_ROOT_CERT: server.files.write('root.crt', authority.pem),
      MIGRATE_ON_START: 'true',
      MANAGEMENT_TOKEN: TOKEN,
    },
  });
});

afterAll(async () => {
  await service.close();
  await server[Symbol.asyncDispose]();
});

describe('a service with TLS', () => {
  it('has every one of its sessions encrypted: of the pool, the probe and the figures', async () => {
    await service.request.get('/users').expect(200);
    await service.request.get('/metrics').expect(200);

    // The self-check's comes and goes.
    const rows = await server.query(`select application_name as name, bool_and(ssl) as ssl
      from pg_stat_activity join pg_stat_ssl using (pid)
      where application_name like 'tidegauge/%' and application_name not like '%/selfcheck'
      group by 1 order by 1`);

    expect(rows).toEqual([
      { name: 'tidegauge/main', ssl: true },
      { name: 'tidegauge/main/figures', ssl: true },
      { name: 'tidegauge/main/probe', ssl: true },
    ]);
  });

  it('tells how long its certificates last, and of a renewed one with its first new connection', async () => {
    const daysLeft = async () => {
      const { text } = await service.request.get('/metrics');
      const [, seconds] = /^db_tls_certificate_expiry_seconds\{.*\} (\S+)$/m.exec(text) ?? [];
      return Math.round(Number(seconds) / DAY_S);
    };
    const check = async () => {
      const { body } = await service.request.get('/healthz').auth(TOKEN, { type: 'bearer' });
      return body.checks['database:tls'][0].status;
    };
    expect([await daysLeft(), await check()]).toEqual([10, 'warn']);

    await server.present(await authority.issue({ commonName: 'db', names: NAMES, days: 30 }));
    await service.request.post('/pool/evict').auth(TOKEN, { type: 'bearer' }).expect(202);

    await until('the new one is seen', async () => (await daysLeft()) === 30 || undefined);
    expect(await check()).toBe('pass');
  });

  it('is not ready where TLS is not to be had, and says why', async () => {
    const { password, ...address } = inject('postgres').address;
    const probe = new HealthProbe({
      connection: {
        ...address,
        password: { reveal: () => password },
        tls: { mode: 'verify-full' },
      },
      poolName: 'main',
      connectTimeoutMs: 10_000,
      expectedMigrations: [],
      isPooled: false,
      poolStats: () => poolStatsOf({ waiting: 0 }),
    });

    await probe.start();

    expect(probe.verdict()).toMatchObject({ state: 'down', code: 'DB_TLS' });
    await probe.stop();
  });

  it('is had by a script that is given a URL alone', async () => {
    const root = encodeURIComponent(server.files.path('root.crt'));
    const encrypted = async (parameters: string) => {
      await using sessions = new DatabaseSessionManager();
      await sessions.init(`${url}?${parameters}`);
      return await sessions.session((em) =>
        em.execute('select ssl from pg_stat_ssl where pid = pg_backend_pid()'),
      );
    };

    expect(await encrypted(`sslmode=verify-full&sslrootcert=${root}`)).toEqual([{ ssl: true }]);
    expect(await encrypted('sslmode=require')).toEqual([{ ssl: true }]);
    expect(await failureOf(encrypted('sslmode=verify-full'))).toMatchObject({
      code: 'DB_TLS',
    });
  });
});
