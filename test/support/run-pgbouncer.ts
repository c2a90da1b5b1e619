import { spawnSync } from 'node:child_process';
import { sensibleTests } from './pgbouncer-tests.ts';

// `npm run test:pgbouncer` runs the integration tests through a PgBouncer, on the newest and the oldest PostgreSQL;
// arguments are vitest's: `-- --project pgbouncer` leaves the oldest out.
const others = process.argv.slice(2);
const projects = others.includes('--project') ? [] : ['--project', 'pgbouncer*'];

const { status } = spawnSync('vitest', ['run', ...projects, '-t', sensibleTests, ...others], {
  stdio: 'inherit',
  env: { ...process.env, PGBOUNCER_FULL: '1' },
});
process.exitCode = status ?? 1;
