import pg from 'pg';

/** One change that provisioning would make. */
export interface ProvisionStep {
  /** The change in words, without a password. */
  readonly change: string;
  /** Statements that make it, in order. */
  readonly sql: readonly string[];
  /** Without it the service does not work: a refusal ends the run. Others are told and passed over. */
  readonly isEssential: boolean;
}

/** A step without which the service does not work. */
export function essential(change: string, ...sql: readonly string[]): ProvisionStep {
  return { change, sql, isEssential: true };
}

/** A step that an administrator of a managed server may be refused. */
export function optional(change: string, ...sql: readonly string[]): ProvisionStep {
  return { change, sql, isEssential: false };
}

/** A name as SQL wants it. */
export function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}

/** A text as SQL wants it. */
export function literal(text: string): string {
  return pg.escapeLiteral(text);
}
