import type { Rule } from './finding.ts';

/** What more could be seen. */
export const EXTENSION_RULES: readonly Rule[] = [
  {
    id: 'statement-statistics',
    severity: 'info',
    judge({ statementStatistics: { isLoaded, isInstalled } }) {
      if (isLoaded && isInstalled) return undefined;
      return isLoaded
        ? {
            message: 'pg_stat_statements is loaded, and not installed in this database',
            advice: 'npm run db:provision creates it',
          }
        : {
            message:
              'pg_stat_statements is not loaded: which statements cost most is known of this service alone',
            advice:
              "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements', restart the server, npm run db:provision",
          };
    },
  },
  {
    id: 'host-figures',
    severity: 'info',
    judge({ hasHostFigures }) {
      if (hasHostFigures) return undefined;
      return {
        message:
          'there is no tidegauge.host_figures() that the role may call: CPU and memory of the server are not known',
        advice: 'npm run db:provision creates it, where the server allows it',
      };
    },
  },
];
