import type { Purpose, Tried } from './check-connections.ts';
import type { Finding, FindingText, Severity } from './finding.ts';

/** Judges one of several connections beside the main one. */
interface ConnectionRule {
  readonly id: string;
  readonly severity: Severity;
  readonly purposes: readonly Purpose[];
  readonly judge: (tried: Tried, main: Tried | undefined) => FindingText | undefined;
}

/** What only shows when every connection of the settings is tried: `npm run config:check -- --connect`. */
export const CONNECTION_RULES: readonly ConnectionRule[] = [
  {
    id: 'other-server',
    severity: 'error',
    purposes: ['direct', 'migration', 'replica'],
    judge: ({ server, variable }, main) =>
      differs(server?.systemIdentifier, main?.server?.systemIdentifier)
        ? {
            message: `${variable} leads to the database system ${server?.systemIdentifier ?? ''}, DATABASE_URL to ${main?.server?.systemIdentifier ?? ''}: they do not hold the same data`,
            advice: 'name the same server, or a replica of it',
          }
        : undefined,
  },
  {
    id: 'other-database',
    severity: 'error',
    purposes: ['direct', 'migration', 'replica'],
    judge: ({ connection, variable, server }, main) =>
      differs(server?.facts?.database.name, main?.server?.facts?.database.name)
        ? {
            message: `${variable} names the database ${connection.database}, DATABASE_URL ${main?.connection.database ?? ''}`,
            advice: 'name the same database',
          }
        : undefined,
  },
  {
    id: 'reporting-other-server',
    severity: 'warning',
    purposes: ['reporting'],
    judge: ({ server }, main) =>
      differs(server?.systemIdentifier, main?.server?.systemIdentifier)
        ? {
            message: `REPORTING_DATABASE_URL leads to the database system ${server?.systemIdentifier ?? ''}, DATABASE_URL to ${main?.server?.systemIdentifier ?? ''}: reports are about what is copied there`,
            advice:
              'nothing, if a logical replica is meant; else name the same server, or a replica of it',
          }
        : undefined,
  },
  {
    id: 'not-writable',
    severity: 'error',
    purposes: ['main', 'direct', 'migration'],
    judge: ({ server, variable }) =>
      server?.facts?.isInRecovery === true
        ? {
            message: `${variable} leads to a server in recovery, which takes no writes`,
            advice: 'name the primary; a replica belongs into DATABASE_REPLICA_URLS',
          }
        : undefined,
  },
  {
    id: 'not-a-replica',
    severity: 'warning',
    purposes: ['replica'],
    judge: ({ server, variable }) =>
      server?.facts?.isInRecovery === false
        ? {
            message: `${variable} leads to a primary: it takes the reads that replicas should take from it`,
            advice: 'name the replica, or leave the variable unset',
          }
        : undefined,
  },
  {
    id: 'reporting-may-write',
    severity: 'warning',
    purposes: ['reporting'],
    judge({ server }) {
      const role = server?.facts?.role;
      if (role === undefined || (!role.isSuperuser && role.writableTables === 0)) return undefined;
      return {
        message: role.isSuperuser
          ? `the role ${role.name} of REPORTING_DATABASE_URL is a superuser`
          : `the role ${role.name} of REPORTING_DATABASE_URL may change ${role.writableTables} ${role.writableTables === 1 ? 'table' : 'tables'}`,
        advice: 'log in as a role that may SELECT and nothing else',
      };
    },
  },
];

/** What is wrong with a connection as the one that it is meant to be. */
export function judgeConnection(tried: Tried, main: Tried | undefined): readonly Finding[] {
  return CONNECTION_RULES.filter(({ purposes }) => purposes.includes(tried.purpose)).flatMap(
    ({ id, severity, judge }) => {
      const text = judge(tried, main);
      return text === undefined ? [] : [{ id, severity, ...text }];
    },
  );
}

function differs(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
