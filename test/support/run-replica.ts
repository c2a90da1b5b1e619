import { spawnSync } from 'node:child_process';
import { allTestsBut } from './all-tests-but.ts';

// `npm run test:replica` runs the integration tests with a streaming replica of the test server, from which every
// service of a test reads, on the newest and the oldest PostgreSQL; further arguments are vitest's.

/** Tests that make no sense there, by a part of their names, and why. */
const SENSELESS: Readonly<Record<string, readonly string[]>> = {
  'what only reads holds connections of the replica, not of the main pool, and its sessions are there':
    [
      '200 clients that leave',
      'says that a client went away, and that nobody got a connection in time',
      'can be found from the statement that the server has streamed last',
      'is told with the statement that it left behind',
      'is told with its wait for a connection',
      'is counted, and found in the log by its trace',
      'is told in its line and in Server-Timing how long it waited',
      'of a slow statement says database slow',
    ],
  'the pool of the replica is listed beside the others': [
    'fails its reports, warns of itself in /healthz and /pool',
    'has gauges and counters of its own, before it is used',
    'is shown by whom it is held, with what its server says of that',
    'is none where the settings name none',
    'of a service that does nothing says so',
    'of a server that is gone says database down, and why',
    'replaces every connection: idle ones at once',
  ],
  'there are none without a replica': ['gets no Read-After where there are none'],
  'a commit is seen by others once the replica has it, so that a conflict may come twice': [
    'F34: is, when its conflict shows at COMMIT only',
  ],
};

const projects = ['--project', 'integration', '--project', 'integration-15'];

const { status } = spawnSync(
  'vitest',
  ['run', ...projects, '-t', allTestsBut(SENSELESS), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, TEST_POSTGRES: 'embedded', TEST_REPLICA: '1', OLDEST_FULL: '1' },
  },
);
process.exitCode = status ?? 1;
