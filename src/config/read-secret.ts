import type { FaultList } from './fault-list.ts';
import { readSecretFile } from './read-secret-file.ts';

/** A secret, and the variable that it came from. */
export interface ReadSecret {
  readonly variable: string;
  readonly value: string;
}

/** A secret from its variable or from the file that `…_FILE` names; a fault of either is noted. */
export function readSecret<V extends string>(
  variable: V,
  values: Readonly<Partial<Record<V | `${V}_FILE`, string | undefined>>>,
  faults: FaultList,
): ReadSecret | undefined {
  const value = values[variable];
  const path: string | undefined = values[`${variable}_FILE`];
  if (path === undefined) return value === undefined ? undefined : { variable, value };
  if (value !== undefined) {
    faults.add(`${variable}_FILE`, `must be unset when ${variable} is set`);
    return undefined;
  }
  const file = readSecretFile(path);
  if ('value' in file) return { variable: `${variable}_FILE`, value: file.value };
  faults.add(`${variable}_FILE`, file.fault);
  return undefined;
}
