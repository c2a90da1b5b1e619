/** Whether the instance wants traffic; the words of `/readyz`. */
export type HealthState =
  | 'starting'
  | 'up'
  | 'saturated'
  | 'down'
  | 'migrations_pending'
  | 'read_only'
  | 'draining';

/** What is checked, in the naming of application/health+json: `component:measurement`. */
export type HealthCheckName =
  | 'database:connectivity'
  | 'database:pool'
  | 'database:replicas'
  | 'database:migrations'
  | 'database:server'
  | 'database:reporting'
  | 'database:tls'
  | 'process:eventLoop';

/** One finding. Everything but `status` is a detail, kept from strangers. */
export interface HealthCheck {
  readonly status: 'pass' | 'warn' | 'fail';
  /** ISO 8601. */
  readonly time?: string;
  readonly observedValue?: unknown;
  readonly observedUnit?: string;
  /** What is wrong and what to look at. */
  readonly output?: string;
  readonly code?: string;
}

/** The last verdict, as stored by whoever probes. */
export interface HealthSnapshot {
  readonly state: HealthState;
  /** Why not `up`, as an error code. */
  readonly code?: string | undefined;
  readonly message: string;
  readonly checks: Readonly<Partial<Record<HealthCheckName, HealthCheck>>>;
}

/** Where the health endpoints read. Answers at once, from memory. */
export interface HealthSource {
  snapshot(): HealthSnapshot;
}
