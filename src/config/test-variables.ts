import { choice, text, withoutDefault } from './setting-kind.ts';

/** Read by the tests alone; the service knows their names and no more. */
export const testVariables = {
  TEST_POSTGRES: withoutDefault(
    choice('embedded', 'testcontainers', 'url'),
    '`embedded`; `url` when `TEST_DATABASE_URL` is set',
    'where the tests get PostgreSQL from',
  ),
  TEST_DATABASE_URL: withoutDefault(
    text('as `DATABASE_URL`, never the same database, its name ending in `_test`'),
    'unset',
    'a server that the tests may create databases on',
  ),
};
