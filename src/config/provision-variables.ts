import { text, withoutDefault } from './setting-kind.ts';

/** Read by `npm run db:provision` alone; the service knows their names and no more. */
export const provisionVariables = {
  PROVISION_DATABASE_URL: withoutDefault(
    text('`postgresql://user:password@host:port/database`'),
    'unset',
    'the server itself, past a pooler, as the administrator who makes the roles',
  ),
  PROVISION_DATABASE_URL_FILE: withoutDefault(
    text('the path of a file that holds one line'),
    'unset',
    'file that holds `PROVISION_DATABASE_URL`',
  ),
};
