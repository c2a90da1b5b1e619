import { z } from 'zod';

// Everything of Unicode's category Cc: NUL (which PostgreSQL cannot store), line breaks, ANSI escapes.
const CONTROL = /\p{Cc}/u;

// Anything but blanks and what only changes how others look (zero-width characters, direction marks).
const VISIBLE = /[^\s\p{Z}\p{Default_Ignorable_Code_Point}]/u;

/** Bounds of a line of text, in characters (code points, as PostgreSQL counts). */
export interface TextBounds {
  /** Default 1. */
  readonly min?: number;
  readonly max: number;
}

/** One line of text as people type it: any script, no control characters, no half characters, not only blanks. Kept byte for byte. */
export function text({ min = 1, max }: TextBounds): z.ZodString {
  return z
    .string()
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
    .refine((value) => !CONTROL.test(value), 'must not hold control characters')
    .refine((value) => value === '' || VISIBLE.test(value), 'must not be blank')
    .refine((value) => lengthOf(value) >= min, `must have at least ${min} characters`)
    .refine((value) => lengthOf(value) <= max, `must have at most ${max} characters`)
    .meta({ minLength: min, maxLength: max });
}

function lengthOf(value: string): number {
  return Array.from(value).length;
}
