import { describe, expect, it } from 'vitest';

import { parseSettings } from '#config/parse-settings.ts';

import { faultsOf } from './faults-of.ts';

const DATABASE_URL = 'postgresql://app:secret@db.example.com/tidegauge';
const DIRECT_URL = 'postgresql://app:secret@server.example.com/tidegauge';

describe('settings of an empty environment', () => {
  it('are those of development on the embedded server', () => {
    const { settings, warnings } = parseSettings({});

    expect(warnings).toEqual([]);
    expect(settings).toEqual({
      environment: 'development',
      http: {
        host: '127.0.0.1',
        port: 3000,
        mayMovePort: true,
        requestTimeoutMs: 10_000,
        streamTimeoutMs: 300_000,
        bodyLimitBytes: 102_400,
        headersTimeoutMs: 10_000,
        receiveTimeoutMs: 30_000,
        keepAliveMs: 65_000,
        maxConnections: 10_000,
        maxInFlight: 1000,
        trustProxy: false,
        trustTraceHeaders: false,
        corsOrigins: [],
      },
      management: { token: undefined, listener: undefined },
      database: {
        connection: undefined,
        direct: undefined,
        migration: undefined,
        migrationLimits: { lockTimeoutMs: 5000, lockRetryMs: 30_000, statementTimeoutMs: 0 },
        reporting: undefined,
        replicas: [],
        replicaMaxLagMs: 1000,
        instances: 1,
        reportingPoolSize: 3,
        poolName: 'main',
        poolSize: 5,
        maxOverflow: 10,
        queueLimit: 150,
        acquireTimeoutMs: 2000,
        connectTimeoutMs: 1000,
        prePing: true,
        prePingIdleMs: 500,
        prePingTimeoutMs: 500,
        leakThresholdMs: 10_000,
        slowQueryMs: 200,
        idleTimeoutMs: 60_000,
        maxLifetimeMs: 1_800_000,
        statementTimeoutMs: 5000,
        lockTimeoutMs: 3000,
        idleInTransactionTimeoutMs: 10_000,
        pooler: 'none',
        sqlCommenter: false,
      },
      log: { level: 'info', format: 'json' },
      shutdown: { drainMs: 0, graceMs: 12_000 },
      migrateOnStart: true,
    });
  });

  it('are frozen at every depth', () => {
    const { settings, warnings } = parseSettings({ DATABASE_URL });

    expect(
      [
        settings,
        settings.http,
        settings.http.corsOrigins,
        settings.database.connection,
        warnings,
      ].map(Object.isFrozen),
    ).toEqual([true, true, true, true, true]);
  });
});

describe('defaults that depend on the environment', () => {
  it('in production are: a drain of 5 s, JSON logs, no migration on start', () => {
    const { settings } = parseSettings(
      { NODE_ENV: 'production', DATABASE_URL },
      { isTerminal: true },
    );

    expect(settings.shutdown.drainMs).toBe(5000);
    expect(settings.log.format).toBe('json');
    expect(settings.migrateOnStart).toBe(false);
  });

  it('on a terminal in development are: readable logs', () => {
    expect(parseSettings({}, { isTerminal: true }).settings.log.format).toBe('pretty');
    expect(parseSettings({ NODE_ENV: 'test' }, { isTerminal: true }).settings.log.format).toBe(
      'json',
    );
  });

  it('bound the queue by ten times the connections', () => {
    const { settings } = parseSettings({ DB_POOL_SIZE: '3', DB_MAX_OVERFLOW: '0' });

    expect(settings.database.queueLimit).toBe(30);
  });

  it('give way to what is set', () => {
    const { settings } = parseSettings({
      NODE_ENV: 'production',
      DATABASE_URL,
      SHUTDOWN_DRAIN_MS: '0',
      MIGRATE_ON_START: 'true',
      DB_QUEUE_LIMIT: '7',
    });

    expect(settings.shutdown.drainMs).toBe(0);
    expect(settings.migrateOnStart).toBe(true);
    expect(settings.database.queueLimit).toBe(7);
  });
});

it.each(['reporting', 'replica-1'])('a pool named %s would be taken for another one', (name) => {
  expect(faultsOf(() => parseSettings({ DB_POOL_NAME: name }))).toEqual([
    'DB_POOL_NAME: must not be a name of the pool of reports or of a replica',
  ]);
});

describe('behind a pooler', () => {
  const pooled = { DATABASE_URL, DB_POOLER: 'pgbouncer', MIGRATE_ON_START: 'true' };

  it.each(['DATABASE_DIRECT_URL', 'MIGRATION_DATABASE_URL'])(
    'the start may migrate by the way of %s',
    (variable) => {
      const { settings } = parseSettings({ ...pooled, [variable]: DIRECT_URL });

      expect(settings.migrateOnStart).toBe(true);
    },
  );

  it.each(['DATABASE_DIRECT_URL', 'MIGRATION_DATABASE_URL'])(
    'the way of %s does not lead to the pooler again',
    (variable) => {
      expect(faultsOf(() => parseSettings({ ...pooled, [variable]: DATABASE_URL }))).toEqual([
        `${variable}: must lead to the server itself, not to its pooler`,
      ]);
    },
  );

  it('the start may not migrate without such a way', () => {
    expect(faultsOf(() => parseSettings(pooled))).toEqual([
      expect.stringMatching(
        /^MIGRATE_ON_START: must be false behind a pooler, .* unless MIGRATION_DATABASE_URL or DATABASE_DIRECT_URL /,
      ),
    ]);
  });
});

describe('faults', () => {
  it('are told all at once, one line each, naming the variable and what is allowed', () => {
    const faults = faultsOf(() =>
      parseSettings({
        NODE_ENV: 'staging',
        PORT: '65536',
        TRUST_PROXY: 'yes',
        DB_SSL_MODE: 'prefer',
        DB_POOLER: '',
        DATABASE_URL: 'mysql://x',
      }),
    );

    expect(faults).toEqual([
      'NODE_ENV: must be one of development, test, production',
      'PORT: must be an integer from 0 to 65535',
      'TRUST_PROXY: must be true or false',
      'DB_SSL_MODE: must be one of disable, require, verify-ca, verify-full',
      'DB_POOLER: is empty, must be one of none, pgbouncer, or not set at all',
      'DATABASE_URL: must start with postgresql:// or postgres://',
    ]);
  });

  it.each([{}, { DATABASE_URL: '' }])('refuse production without DATABASE_URL: %j', (env) => {
    const faults = faultsOf(() => parseSettings({ NODE_ENV: 'production', ...env }));

    expect(faults).toEqual(['DATABASE_URL: must be set in production']);
  });

  it('refuse readable logs in production', () => {
    const faults = faultsOf(() =>
      parseSettings({ NODE_ENV: 'production', DATABASE_URL, LOG_FORMAT: 'pretty' }),
    );

    expect(faults).toEqual(['LOG_FORMAT: must be json in production']);
  });

  it.each(['true ', 'TRUE', '1', 'yes', 'on', ''])('refuse %j for a boolean', (value) => {
    expect(faultsOf(() => parseSettings({ MIGRATE_ON_START: value }))).toHaveLength(1);
  });

  it.each(['short', 'x'.repeat(15), 'x'.repeat(513), 'sixteen characters', `${'x'.repeat(16)}é`])(
    'refuse %j for a token',
    (value) => {
      expect(faultsOf(() => parseSettings({ MANAGEMENT_TOKEN: value }))).toEqual([
        'MANAGEMENT_TOKEN: must hold 16 to 512 characters of A-Z a-z 0-9 - . _ ~ + / =',
      ]);
    },
  );
});

describe('a management listener', () => {
  it.each([
    [{ MANAGEMENT_PORT: '9000' }, { host: '127.0.0.1', port: 9000 }],
    [
      { MANAGEMENT_PORT: '0', PORT: '0', HOST: '0.0.0.0' },
      { host: '0.0.0.0', port: 0 },
    ],
    [
      { MANAGEMENT_PORT: '3000', MANAGEMENT_HOST: '::1' },
      { host: '::1', port: 3000 },
    ],
  ])('is asked for by its port: %j', (env, listener) => {
    expect(parseSettings(env).settings.management.listener).toEqual(listener);
  });

  it.each([
    [{ MANAGEMENT_HOST: '::1' }, 'MANAGEMENT_HOST: must be unset when MANAGEMENT_PORT is'],
    [{ MANAGEMENT_PORT: '3000' }, 'MANAGEMENT_PORT: must not be the port of the API'],
    [{ MANAGEMENT_PORT: '80', PORT: '80' }, 'MANAGEMENT_PORT: must not be the port of the API'],
    [
      { MANAGEMENT_PORT: 'x', MANAGEMENT_HOST: '::1' },
      'MANAGEMENT_PORT: must be an integer from 0 to 65535',
    ],
  ])('is refused where it cannot be: %j', (env, fault) => {
    expect(faultsOf(() => parseSettings(env))).toEqual([fault]);
  });
});

describe('texts', () => {
  it('that are empty count as unset where compose files leave them so', () => {
    const { settings } = parseSettings({
      DATABASE_URL: '',
      DATABASE_URL_FILE: '',
      DATABASE_PASSWORD_FILE: '',
      MANAGEMENT_TOKEN: '',
      MANAGEMENT_TOKEN_FILE: '',
      CORS_ORIGINS: '',
      MANAGEMENT_HOST: '',
      MANAGEMENT_PORT: '',
    });

    expect(settings).toEqual(parseSettings({}).settings);
  });

  it('that name origins are a list without repetitions', () => {
    const { settings } = parseSettings({
      CORS_ORIGINS: 'https://a.example, http://localhost:8080,https://a.example',
    });

    expect(settings.http.corsOrigins).toEqual(['https://a.example', 'http://localhost:8080']);
  });

  it.each([
    '*',
    'null',
    'a.example',
    'https://a.example/',
    'https://a.example/path',
    'https://user:pw@a.example',
    'https://a.example:443',
    'https://A.example',
    'ftp://a.example',
    'https://a.example,,https://b.example',
    'https://',
  ])('that are not origins are refused: %s', (value) => {
    expect(faultsOf(() => parseSettings({ CORS_ORIGINS: value }))).toHaveLength(1);
  });

  it.each([
    ['1', 1],
    ['100kb', 102_400],
    ['1mb', 1_048_576],
    ['64mb', 67_108_864],
  ])('that are sizes are bytes: %s', (value, bytes) => {
    expect(parseSettings({ HTTP_BODY_LIMIT: value }).settings.http.bodyLimitBytes).toBe(bytes);
  });

  it.each(['0', '0kb', '65mb', '100 kb', '100KB', '1.5mb', '-1', '1gb', 'kb', '', '1e3'])(
    'that are no sizes are refused: %j',
    (value) => {
      expect(faultsOf(() => parseSettings({ HTTP_BODY_LIMIT: value }))).toHaveLength(1);
    },
  );

  it.each(['0.0.0.0', '::', '::1', 'localhost', 'node-1.internal'])('bind to %s', (value) => {
    expect(parseSettings({ HOST: value }).settings.http.host).toBe(value);
  });

  it.each(['', ' ', '[::1]', 'http://x', 'a b', 'a..b', 'fe80::1%eth0', '-x', 'x:1'])(
    'do not bind to %j',
    (value) => {
      expect(faultsOf(() => parseSettings({ HOST: value }))).toHaveLength(1);
    },
  );
});
