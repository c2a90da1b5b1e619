import type { DatabaseSettings } from '#config/settings.ts';
import type { DatabaseConnection } from '#database/database-options.ts';
import type { ServerFacts } from './server-facts.ts';

/** `error`: a connection is of no use as it is; `warning`: something will fail, be lost or leak one day; `info`: worth knowing, and fine for many. */
export type Severity = 'error' | 'warning' | 'info';

/**
 * What is found and what to do about it: both are sentences with their numbers, without a full stop. The message is the
 * same for as long as what it is about is: another one is told anew.
 */
export interface FindingText {
  readonly message: string;
  readonly advice: string;
}

/** One thing that a server, or our role on it, should have otherwise. */
export interface Finding extends FindingText {
  /** Stable; each has a row in docs/operations.md. */
  readonly id: string;
  readonly severity: Severity;
}

/** What the service means to do with the server. */
export interface ServicePlan {
  readonly settings: Omit<DatabaseSettings, 'connection'>;
  /** The server that is judged. */
  readonly connection: Omit<DatabaseConnection, 'password' | 'passwordFile'>;
  /** Deadline of a request in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** Judges one fact. */
export interface Rule {
  readonly id: string;
  readonly severity: Severity;
  /** Undefined: nothing to find, or nothing known. */
  readonly judge: (facts: ServerFacts, plan: ServicePlan) => FindingText | undefined;
}
