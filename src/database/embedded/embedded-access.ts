import type { DatabaseConnection } from '#database/database-options.ts';
import { ROLE_NAMES } from '#database/provision/provision-request.ts';
import { DATABASE, SUPERUSER } from './cluster.ts';
import type { EmbeddedAccess, EmbeddedConnection } from './embedded-server.ts';
import type { RolePasswords } from './embedded-state.ts';
import { LOOPBACK } from './free-port.ts';

/** How to connect as the superuser of an embedded server. */
export function superuserAccess(port: number, password: string): EmbeddedConnection {
  return Object.freeze({ host: LOOPBACK, port, user: SUPERUSER, password, database: DATABASE });
}

/** How to connect as the roles of the service. */
export function roleAccess(port: number, passwords: RolePasswords): EmbeddedAccess['roles'] {
  const as = (kind: keyof RolePasswords): EmbeddedConnection =>
    Object.freeze({
      host: LOOPBACK,
      port,
      user: ROLE_NAMES[kind],
      password: passwords[kind],
      database: DATABASE,
    });
  return Object.freeze({ owner: as('owner'), app: as('app'), reader: as('reader') });
}

/** The same, with the password as connections take it. */
export function revealing({ password, ...address }: EmbeddedConnection): DatabaseConnection {
  return { ...address, password: { reveal: () => password } };
}
