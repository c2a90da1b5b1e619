import type { Finding, Rule } from './finding.ts';
import type { ServerFacts } from './server-facts.ts';
import { majorOf, NEWEST_MAJOR, OLDEST_MAJOR } from './supported-versions.ts';

/** Of a server that is so old that it is asked nothing else. */
export function oldVersion({ version }: Pick<ServerFacts, 'version'>): Finding {
  return {
    id: 'server-version-old',
    severity: 'warning',
    message: `the server is PostgreSQL ${version}, and the service is built for ${OLDEST_MAJOR} to ${NEWEST_MAJOR}: nothing else of it was checked`,
    advice: `upgrade the server to ${OLDEST_MAJOR} at least`,
  };
}

/** Whether a server is one that the service was tested on. */
export const VERSION_RULES: readonly Rule[] = [
  {
    id: 'server-version-new',
    severity: 'info',
    judge({ version, versionNumber }) {
      if (majorOf(versionNumber) <= NEWEST_MAJOR) return undefined;
      return {
        message: `the server is PostgreSQL ${version}, and the service was tested with ${OLDEST_MAJOR} to ${NEWEST_MAJOR}`,
        advice: 'run the tests against it: TEST_DATABASE_URL',
      };
    },
  },
];
