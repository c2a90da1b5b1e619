import { spawnSync } from 'node:child_process';

// Oldest and newest supported server and those between; `npm run test:containers -- postgres:17` runs one image.
const IMAGES = [
  'postgres:15-alpine',
  'postgres:16-alpine',
  'postgres:17-alpine',
  'postgres:18-alpine',
];

const wanted = process.argv.slice(2);
let failed = 0;
for (const image of wanted.length > 0 ? wanted : IMAGES) {
  process.stdout.write(`\nintegration tests against ${image}\n`);
  const { status } = spawnSync('vitest', ['run', '--project', 'integration'], {
    stdio: 'inherit',
    env: { ...process.env, TEST_POSTGRES: 'testcontainers', TEST_POSTGRES_IMAGE: image },
  });
  failed += status === 0 ? 0 : 1;
}
process.exitCode = failed === 0 ? 0 : 1;
