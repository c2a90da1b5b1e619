import { expect, it } from 'vitest';
import { wantedRole } from '#database/provision/wanted-role.ts';
import { newTestRoles, PROVISION_SETTINGS, testRequest } from '#test/support/test-roles.ts';

it.each([
  { reportingPoolSize: 1, instances: 1, connectionLimit: 10 },
  { reportingPoolSize: 4, instances: 3, connectionLimit: 30 },
  { reportingPoolSize: 5, instances: 3, connectionLimit: 36 },
  { reportingPoolSize: 1000, instances: 1, connectionLimit: 2002 },
])(
  'the reader may have the connections of $instances × $reportingPoolSize, twice: $connectionLimit',
  ({ connectionLimit, ...sizes }) => {
    const request = {
      ...testRequest(newTestRoles()),
      settings: { ...PROVISION_SETTINGS, ...sizes },
    };

    expect(wantedRole('reader', request).connectionLimit).toBe(connectionLimit);
  },
);
