import { migrate } from '#database/migrations/migrate.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import { startCommand } from './run-command.ts';
import type { RunningCommand } from './run-command.ts';

interface Orders {
  readonly connection: Omit<DatabaseConnection, 'password'> & { readonly password: string };
  readonly migrationsDir: string;
}

/** Runs the migrations of a folder in a process of its own, which can be killed. */
export function startMigrating(
  connection: DatabaseConnection,
  migrationsDir: string,
): RunningCommand {
  const orders: Orders = {
    connection: { ...connection, password: connection.password?.reveal() ?? '' },
    migrationsDir,
  };
  return startCommand([process.execPath, import.meta.filename], {
    env: { MIGRATE_ORDERS: JSON.stringify(orders) },
  });
}

if (process.argv[1] === import.meta.filename) {
  const { connection, migrationsDir } = JSON.parse(process.env['MIGRATE_ORDERS'] ?? '') as Orders;
  const { password, ...address } = connection;
  await migrate({
    connection: { ...address, password: { reveal: () => password } },
    entities: [],
    migrationsDir,
  });
}
