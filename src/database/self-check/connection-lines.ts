import type { ConnectionReport, ReachedServer } from './check-connections.ts';

/** A connection that was tried, for people: where it leads and as whom, or why not; then a line for each finding. */
export function connectionLines(report: ConnectionReport): readonly string[] {
  const { variable, connection, server, error, findings } = report;
  const place = `${connection.host}:${connection.port}/${connection.database} as ${connection.user}`;
  const outcome =
    server === undefined
      ? `not reached: ${error?.code ?? ''}: ${error?.message ?? ''}`
      : `reached: ${inWords(server)}, ${connection.tls === undefined ? 'no TLS' : 'TLS'}`;
  return [
    `${variable} (${place}) ${outcome}`,
    ...findings.map(
      ({ severity, id, message, advice }) => `${severity}: ${id}: ${message}. ${advice}`,
    ),
  ];
}

function inWords({ version, facts }: ReachedServer): string {
  return `PostgreSQL ${version}${facts?.isInRecovery === true ? ', in recovery' : ''}`;
}
