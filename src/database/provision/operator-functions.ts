import { createHash } from 'node:crypto';
import { hostFiguresFunction } from './host-figures-function.ts';

/** Something of the schema `tidegauge` that an administrator gives to the service, which uses it and does not own it. */
export interface OperatorFunction {
  /** For people. */
  readonly name: string;
  /** `tidegauge.name(argument types)`: made anew where it is missing. */
  readonly signature: string;
  /** Make it, again and again, and of an older release; run by the administrator, with `pg_catalog` as search path. */
  readonly statements: readonly string[];
}

/** Schema of what an operator gives to the service. */
export const OPERATOR_SCHEMA = 'tidegauge';

/** In the order in which they are made. USAGE and EXECUTE are granted to the role of the service alone. */
export const OPERATOR_FUNCTIONS: readonly OperatorFunction[] = [
  {
    name: 'figures of the machine',
    signature: 'tidegauge.host_figures()',
    statements: hostFiguresFunction(),
  },
];

/** The comment of the schema while what is in it is of this release. */
export function operatorSchemaComment(functions: readonly OperatorFunction[]): string {
  const hash = createHash('sha256').update(JSON.stringify(functions)).digest('hex');
  return `what the service may use and does not own, made by db:provision (${hash.slice(0, 16)})`;
}
