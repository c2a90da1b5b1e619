import { z } from 'zod';

import type { InputFault } from './http-error.ts';

/** More faults than this help nobody, and would let a small body cause a big answer. */
const MAX_FAULTS = 20;

/** What `schema` makes of `input`, or its faults: where and what, never the input's own values or names. */
export function validate<T>(
  schema: z.ZodType<T>,
  input: unknown,
): { readonly value: T } | { readonly faults: readonly InputFault[] } {
  const result = schema.safeParse(input);
  if (result.success) return { value: result.data };
  return {
    faults: result.error.issues.slice(0, MAX_FAULTS).map((issue) => faultOf(schema, issue)),
  };
}

function faultOf(schema: z.ZodType, issue: z.core.$ZodIssue): InputFault {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return { path, message: issue.message };
  const isTop = schema instanceof z.ZodObject && path === '';
  const known = isTop ? Object.keys(schema.shape).join(', ') : '';
  return { path, message: known === '' ? 'unknown key' : `unknown key; known are: ${known}` };
}
