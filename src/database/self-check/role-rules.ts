import { MIGRATIONS_TABLE } from '#database/migrations/migration-records.ts';
import type { Rule } from './finding.ts';

/** What the role that serves requests may do beyond reading and writing rows, or may not see. */
export const ROLE_RULES: readonly Rule[] = [
  {
    id: 'role-superuser',
    severity: 'warning',
    judge({ role: { name, isSuperuser } }) {
      if (!isSuperuser) return undefined;
      return {
        message: `the service logs in as ${name}, a superuser: whoever gets hold of it has the server, and no limit holds`,
        advice: 'log in as a role that may read and write the tables and nothing else',
      };
    },
  },
  {
    id: 'role-attributes',
    severity: 'warning',
    judge({ role: { name, isSuperuser, attributes } }) {
      if (isSuperuser || attributes.length === 0) return undefined;
      return {
        message: `the role ${name} has ${attributes.join(', ')}, which the service does not need`,
        advice: `ALTER ROLE ${name} ${attributes.map((attribute) => `NO${attribute}`).join(' ')}`,
      };
    },
  },
  {
    id: 'role-owns-tables',
    severity: 'warning',
    judge({ role: { name, isSuperuser, ownedTables } }) {
      if (isSuperuser || ownedTables === 0) return undefined;
      return {
        message: `the role ${name} owns ${ownedTables} ${ownedTables === 1 ? 'table' : 'tables'}: it may drop and alter them`,
        advice:
          'let another role own the schema and migrate it (MIGRATION_DATABASE_URL), and grant this one SELECT, INSERT, UPDATE and DELETE',
      };
    },
  },
  {
    id: 'role-may-create',
    severity: 'warning',
    judge({ role, database }) {
      const places = [
        ...(role.mayCreateInSchema ? [`SCHEMA ${role.schema}`] : []),
        ...(role.mayCreateInDatabase ? [`DATABASE ${database.name}`] : []),
      ];
      if (role.isSuperuser || places.length === 0) return undefined;
      return {
        message: `the role ${role.name} may create objects in ${places.join(' and ')}`,
        advice: `${places.map((place) => `REVOKE CREATE ON ${place} FROM ${role.name}, PUBLIC`).join('; ')}, and let another role own them`,
      };
    },
  },
  {
    id: 'role-may-create-temporary',
    severity: 'info',
    judge({ database, role: { name, isSuperuser, mayCreateTemporary } }) {
      if (isSuperuser || !mayCreateTemporary) return undefined;
      return {
        message: `the role ${name} may create temporary tables, which the service does not need`,
        advice: `REVOKE TEMPORARY ON DATABASE ${database.name} FROM ${name}, PUBLIC`,
      };
    },
  },
  {
    id: 'role-sees-own-sessions',
    severity: 'info',
    judge({ role: { name, seesAllSessions } }) {
      if (seesAllSessions) return undefined;
      return {
        message: `the role ${name} sees its own sessions alone: those of others are counted in the pg_* metrics without what they do, and the replication lag is absent`,
        advice: `GRANT pg_read_all_stats TO ${name}`,
      };
    },
  },
  {
    id: 'migrations-unreadable',
    severity: 'warning',
    judge({ role: { name, readsMigrations } }) {
      if (readsMigrations) return undefined;
      return {
        message: `the role ${name} cannot read ${MIGRATIONS_TABLE}: whether migrations are pending is not known, and the service is not ready`,
        advice: `GRANT SELECT ON ${MIGRATIONS_TABLE} TO ${name}`,
      };
    },
  },
];
