import { defineConfig } from 'vitest/config';
import { OutputSearchReport } from './test/support/canary/output-search-report.ts';
import { ChaosTable } from './test/support/chaos/chaos-table.ts';
import { rounds } from './test/support/chaos/rounds.ts';
import { hasPgBouncer, isPgBouncerFull, pgBouncerTests } from './test/support/pgbouncer-tests.ts';
import { oldestPostgres } from './test/support/oldest-postgres.ts';

/** Projects that speak SQL share one server, started once by the global set-up. */
const withPostgres = { globalSetup: ['test/support/postgres-server.ts'], hookTimeout: 60_000 };
const integration = {
  ...withPostgres,
  include: ['test/integration/**/*.test.ts'],
  testTimeout: 30_000,
  // These mostly wait: for a deadline, for a process, for the other side.
  maxWorkers: 3,
};
const chaos = {
  ...withPostgres,
  include: ['test/chaos/**/*.test.ts'],
  testTimeout: rounds.isFull ? 3_600_000 : 120_000,
  fileParallelism: false,
};

/** What is about the programs that npm brings, and about the service's own server, which they are. */
const ABOUT_EMBEDDED = ['test/integration/{embedded,docker,npm,readme,mikro-orm-cli}*'];
/** What no server has a part in. */
const ABOUT_SERVICE = [
  'test/chaos/{collector,pgbouncer,reports,sigterm,write-history}*',
  'test/integration/{pgbouncer-errors,service-output,traces-collector,traces-switched}*',
];

/** What a server of one version shows as well as two: our own side of the pool, of a commit, of the API, of a command. */
const ABOUT_US = [
  'test/chaos/{pool,requests,start}*',
  'test/integration/{config-check,http,memberships,openapi,pgbouncer,pool,request,teams,text,traces,users-}*',
  'test/integration/database-{cancel,commit-unknown,context,failover,health,nesting,operations,overflow,pool,pre-ping,repeats,session-faults}.test.ts',
  'test/integration/migrations-{command,concurrency,down,edited,lock,match-entities,pending}.test.ts',
  'test/integration/{cancel-request,tls-service}.test.ts',
];

/** Through a PgBouncer: all that goes through one, or a part of it that takes seconds. */
const throughPgBouncer = {
  ...integration,
  ...pgBouncerTests,
  provide: { isPooled: true },
};

const { isWanted, installed: oldest, isFull } = oldestPostgres;
const alike = isFull ? [] : ABOUT_US;
const onOldest =
  oldest === undefined
    ? []
    : [
        {
          extends: true as const,
          test: {
            ...integration,
            name: `integration-${oldest.major}`,
            exclude: [...ABOUT_EMBEDDED, ...ABOUT_SERVICE, ...alike],
            provide: { postgresBinDir: oldest.binDir },
            sequence: { groupOrder: 1 },
          },
        },
        {
          extends: true as const,
          test: {
            ...chaos,
            name: `chaos-${oldest.major}`,
            exclude: [...ABOUT_SERVICE, ...alike],
            provide: { postgresBinDir: oldest.binDir },
            sequence: { groupOrder: 3 },
          },
        },
        ...(hasPgBouncer && isPgBouncerFull
          ? [
              {
                extends: true as const,
                test: {
                  ...throughPgBouncer,
                  name: `pgbouncer-${oldest.major}`,
                  provide: { isPooled: true, postgresBinDir: oldest.binDir },
                  sequence: { groupOrder: 2 },
                },
              },
            ]
          : []),
      ];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // The runner's own summary comes last.
    reporters: [
      new ChaosTable(isWanted && oldest === undefined),
      new OutputSearchReport(),
      'default',
    ],
    setupFiles: ['test/support/property-seed.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportOnFailure: true,
      thresholds: { 'src/database/**': { lines: 90 } },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // Deadlines are for what hangs: properties and stalls take their time on a busy machine.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { ...integration, name: 'integration', sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { ...chaos, name: 'chaos', sequence: { groupOrder: 2 } },
      },
      {
        extends: true,
        test: {
          ...withPostgres,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 4 },
        },
      },
      ...(hasPgBouncer
        ? [
            {
              extends: true as const,
              test: { ...throughPgBouncer, name: 'pgbouncer', sequence: { groupOrder: 1 } },
            },
          ]
        : []),
      ...onOldest,
    ],
  },
});
