import { availableParallelism, cpus } from 'node:os';

/** On what a run was made, in one line. */
export function machineLine(postgresVersion: string): string {
  const model = cpus()[0]?.model.trim() || 'unknown CPU';
  return `${model}, ${availableParallelism()} cores, ${process.platform}; Node ${process.versions.node}, PostgreSQL ${postgresVersion}.`;
}
