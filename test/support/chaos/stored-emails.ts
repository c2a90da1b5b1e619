import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

/** Addresses of the writers' users, asked on a fresh connection, each as often as it is there. */
export async function storedEmails(server: TestServerAddress): Promise<string[]> {
  return await withClient(server, async (client) => {
    // No index: one that was damaged must not hide a row.
    await client.query('set enable_indexscan = off; set enable_indexonlyscan = off');
    const { rows } = await client.query<{ email: string }>(
      `select email from users where email like '%@chaos.example'`,
    );
    return rows.map(({ email }) => email);
  });
}
