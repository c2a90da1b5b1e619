import { setTimeout as delay } from 'node:timers/promises';
import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

/** What a release may do to a table in use; the rows of it that are read get another type each time. */
const CHANGES = [
  'alter table users add column nickname text',
  'alter table users alter column name type varchar(200)',
  'alter table users drop column nickname',
  'alter table users alter column name type text',
];
const ROUNDS = 3;

/** How many changes `changeSchema` makes. */
export const SCHEMA_CHANGES = CHANGES.length * ROUNDS;

/** Changes a table under load again and again and leaves it as it was; the load has `pauseMs` before each change. */
export async function changeSchema(server: TestServerAddress, pauseMs: number): Promise<void> {
  await withClient(server, async (client) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const change of CHANGES) {
        await delay(pauseMs);
        await client.query(change);
      }
    }
  });
  await delay(pauseMs);
}
