import { spawnSync } from 'node:child_process';

// `npm run test:replica` runs integration tests with a streaming replica of the test server, from which every service
// and every session manager of a test reads; further arguments are vitest's.

/** What is about the API; the others are about one pool, one statement or one server, or have servers of their own. */
const ABOUT_THE_API = ['http-transactions', 'memberships', 'openapi-', 'teams', 'users'];

const { status } = spawnSync(
  'vitest',
  [
    'run',
    '--project',
    'integration',
    '--project',
    'integration-15',
    ...ABOUT_THE_API.map((name) => `test/integration/${name}`),
    ...process.argv.slice(2),
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, TEST_POSTGRES: 'embedded', TEST_REPLICA: '1', OLDEST_FULL: '1' },
  },
);
process.exitCode = status ?? 1;
