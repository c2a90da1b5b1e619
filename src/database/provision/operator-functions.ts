import { createHash } from 'node:crypto';

/** A function of the schema `tidegauge`, which the service may call and does not own. */
export interface OperatorFunction {
  /** As `to_regprocedure` has it: `tidegauge.name(argument types)`. */
  readonly signature: string;
  /** Make it, or make it anew; run by the administrator, with `pg_catalog` as search path. */
  readonly statements: readonly string[];
}

/** Schema of the functions that an operator gives to the service. */
export const OPERATOR_SCHEMA = 'tidegauge';

/** The functions, in the order in which they are made. EXECUTE is granted to the role of the service alone. */
export const OPERATOR_FUNCTIONS: readonly OperatorFunction[] = [];

/** The comment of the schema while its functions are those of this release. */
export function operatorSchemaComment(functions: readonly OperatorFunction[]): string {
  const hash = createHash('sha256').update(JSON.stringify(functions)).digest('hex');
  return `functions for the service's role, made by db:provision (${hash.slice(0, 16)})`;
}
