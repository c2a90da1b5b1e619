import type { Grant } from './catalog-state.ts';
import { called, inSql } from './grantee.ts';
import { essential, optional } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';
import type { WantedRights } from './wanted-rights.ts';

/** An object, and who is to have which right on it. */
export interface Granted {
  /** As people call it. */
  readonly label: string;
  /** What stands before `GRANT …` and `REVOKE …`. */
  readonly prefix?: string;
  /** As `GRANT … ON` has it. */
  readonly object: string;
  /** Who has every right, whatever is granted. */
  readonly owner: string;
  readonly acl: readonly Grant[];
  readonly wanted: WantedRights;
  /** Whose rights are compared. Those of other roles are the operator's affair. */
  readonly grantees: readonly string[];
}

/** What gives the grantees the rights that they are to have, and takes what is more, the right to pass them on included. */
export function grantSteps({
  label,
  prefix = '',
  object,
  owner,
  acl,
  wanted,
  grantees,
}: Granted): readonly ProvisionStep[] {
  return grantees
    .filter((grantee) => grantee !== owner)
    .flatMap((grantee) => {
      const held = acl.filter((grant) => grant.grantee === grantee);
      const asked = wanted[grantee] ?? [];
      const missing = asked.filter((right) => !held.some(({ privilege }) => privilege === right));
      const tooMuch = held.filter(({ privilege }) => !asked.includes(privilege));
      const passedOn = held.filter((grant) => grant.isGrantable && !tooMuch.includes(grant));
      const revoke = (option: string, rights: string) =>
        optional(
          `${label}: no ${option.toLowerCase()}${rights} for ${called(grantee)}`,
          `${prefix}REVOKE ${option}${rights} ON ${object} FROM ${inSql(grantee)}`,
        );
      return [
        ...(tooMuch.length === 0 ? [] : [revoke('', names(tooMuch))]),
        ...(passedOn.length === 0 ? [] : [revoke('GRANT OPTION FOR ', names(passedOn))]),
        ...(missing.length === 0
          ? []
          : [
              essential(
                `${label}: ${missing.join(', ')} to ${called(grantee)}`,
                `${prefix}GRANT ${missing.join(', ')} ON ${object} TO ${inSql(grantee)}`,
              ),
            ]),
      ];
    });
}

/** Several roles may have granted the same right. */
function names(grants: readonly Grant[]): string {
  return [...new Set(grants.map(({ privilege }) => privilege))].join(', ');
}
