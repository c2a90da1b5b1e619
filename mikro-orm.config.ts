import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Options } from '@mikro-orm/postgresql';
import { toldExitCode } from '#cli/told-exit-code.ts';
import { readBuildInfo, releaseOf } from '#config/build-info.ts';
import { loadSettings } from '#config/load-settings.ts';
import { noServerError } from '#database/embedded/running-embedded.ts';
import { findServer } from '#database/migrations/find-server.ts';
import type { LockedMigrator } from '#database/migrations/locked-migrator.ts';
import { migrationOrmOptions } from '#database/migrations/migration-orm-options.ts';
import { entities } from '#entities.ts';

const ENV_FILE = projectFile('.env');
const MIGRATIONS_DIR = projectFile('migrations');

/** Never connected to. */
const NOWHERE = { host: '', port: 0, database: 'postgres', user: '', password: undefined };

/** What `npx mikro-orm …` runs with; the service does not read it. */
export default async function config(): Promise<Options> {
  try {
    if (existsSync(ENV_FILE)) {
      process.loadEnvFile(ENV_FILE);
    }
    const { database } = loadSettings().settings;
    const connection = await findServer(database);
    return {
      ...migrationOrmOptions({
        connection: connection ?? NOWHERE,
        entities,
        migrationsDir: MIGRATIONS_DIR,
        limits: database.migrationLimits,
        release: releaseOf(readBuildInfo(new URL('./', import.meta.url))),
        wrap: exitOnError,
      }),
      // Creating and checking compare the entities with the snapshot: they need no server.
      ...(connection === undefined && { driverOptions: noServer }),
      logger: (line) => process.stdout.write(`${line}\n`),
    };
  } catch (error) {
    return process.exit(toldExitCode(error));
  }
}

function projectFile(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

function noServer(): never {
  throw noServerError();
}

/** The command line would print its whole help and a stack for every error; a line is enough. */
function exitOnError(migrator: LockedMigrator): LockedMigrator {
  return new Proxy(migrator, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') {
        return member;
      }
      return async (...parameters: readonly unknown[]) => {
        try {
          return await Reflect.apply(member, target, parameters);
        } catch (error) {
          return process.exit(toldExitCode(error));
        }
      };
    },
  });
}
