import type { TestServerAddress } from '#test/support/test-server.ts';

/** The address as `DATABASE_URL` has it, with parts of it replaced if asked to. */
export function databaseUrl(
  address: TestServerAddress,
  replaced: Partial<TestServerAddress> = {},
): string {
  const { host, port, user, password, database } = { ...address, ...replaced };
  return `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
}
