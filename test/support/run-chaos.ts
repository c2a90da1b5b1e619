import { spawnSync } from 'node:child_process';

// `npm run test:chaos -- --full` makes every fault as often as it is claimed for; other arguments are vitest's.
const wanted = process.argv.slice(2);
const others = wanted.filter((argument) => argument !== '--full');
const isFull = others.length < wanted.length;
const project = others.includes('--project') ? [] : ['--project', 'chaos'];

const { status } = spawnSync('vitest', ['run', ...project, ...others], {
  stdio: 'inherit',
  env: { ...process.env, ...(isFull && { CHAOS_FULL: '1' }) },
});
process.exitCode = status ?? 1;
