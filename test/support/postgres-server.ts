import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { migrate } from '#database/migrations/migrate.ts';
import { entities } from '#entities.ts';
import { createDatabase, dropDatabase } from './databases.ts';
import { startTestServer } from './test-server.ts';
import type { TestServerAddress } from './test-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server of this run, and the migrated database that every test file clones. */
    postgres: { readonly address: TestServerAddress; readonly template: string };
  }
}

/** Starts one server for the project's test files and migrates one template database on it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer(process.env);
  const { address } = server;
  const template = await createDatabase(address, 'template1');
  try {
    await migrate({
      connection: { ...address, database: template, password: { reveal: () => address.password } },
      entities,
      migrationsDir: fileURLToPath(new URL('../../migrations', import.meta.url)),
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide('postgres', { address, template });
  return async () => {
    await dropDatabase(address, template);
    await server.stop();
  };
}
