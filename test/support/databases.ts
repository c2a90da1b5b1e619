import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestServerAddress } from './test-server.ts';

/** Runs statements on a connection of its own, past every pool. */
export async function withClient<T>(
  address: TestServerAddress,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...address, ssl: false, application_name: 'tidegauge-test' });
  // The tests end servers and backends under it; what they do next tells them enough.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Clones a database under a new name, which ends in `_test`. */
export async function createDatabase(
  address: TestServerAddress,
  template: string,
): Promise<string> {
  const name = `tidegauge_${randomBytes(6).toString('hex')}_test`;
  await withClient(address, (client) =>
    client.query(`create database "${name}" template "${template}"`),
  );
  return name;
}

/** Drops a database of the tests, whoever is still connected. */
export async function dropDatabase(address: TestServerAddress, name: string): Promise<void> {
  await withClient(address, (client) =>
    client.query(`drop database if exists "${name}" with (force)`),
  );
}
