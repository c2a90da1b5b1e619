import { MIGRATIONS_TABLE } from '#database/migrations/migration-records.ts';
import type { ProvisionRequest } from './provision-request.ts';

/** Rights by role; whoever of those that are looked at is not named is to have none. */
export type WantedRights = Readonly<Record<string, readonly string[]>>;

/** What the service does with its rows. */
const READ_AND_WRITE = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
const READ = ['SELECT'];

/** The rights on a table of the schema `public` by role, those on future ones included. */
export function tableRights(request: ProvisionRequest, table?: string): WantedRights {
  const { app, reader } = request.roles;
  const isList = table?.startsWith(MIGRATIONS_TABLE) === true;
  return {
    [app.user]: isList ? READ : READ_AND_WRITE,
    ...(reader !== undefined && { [reader.user]: READ }),
  };
}

/** The rights on a sequence; the one that numbers the migrations is the owner's. */
export function sequenceRights(request: ProvisionRequest, sequence?: string): WantedRights {
  return sequence?.startsWith(MIGRATIONS_TABLE) === true
    ? {}
    : { [request.roles.app.user]: ['USAGE'] };
}

/** The rights on a function of the schema `public`: the service may call it, everybody may not. */
export function functionRights(request: ProvisionRequest): WantedRights {
  return { [request.roles.app.user]: ['EXECUTE'] };
}
