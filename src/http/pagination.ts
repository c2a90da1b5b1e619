import { z } from 'zod';

import { invalidRequest } from './http-error.ts';

/** Length no cursor of ours reaches; longer ones are refused unread. */
const MAX_CURSOR_LENGTH = 512;
const VERSION = 1;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

const LIMIT_MESSAGE = `must be a whole number from 1 to ${MAX_LIMIT}`;

/** `limit` of a listing: 1…100, 20 when absent. Decimal digits only. */
export const limitParam = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, LIMIT_MESSAGE)
  .transform(Number)
  .refine((limit) => limit <= MAX_LIMIT, LIMIT_MESSAGE)
  .default(DEFAULT_LIMIT)
  .meta({
    description: 'How many items to answer at most.',
    override: ({ jsonSchema }) => {
      delete jsonSchema.pattern;
      Object.assign(jsonSchema, { type: 'integer', minimum: 1, maximum: MAX_LIMIT });
    },
  });

/** `cursor` of a listing: what an earlier page gave as `nextCursor`. Read it with `decodeCursor`. */
export const cursorParam = z
  .string()
  .max(MAX_CURSOR_LENGTH, 'is not a cursor of this listing')
  .meta({ description: 'The `nextCursor` of the page before; absent for the first page.' })
  .optional();

/** A page of a listing: `nextCursor` is null on the last one. */
export function pageSchema<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodArray<T>; nextCursor: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** A position in a listing as opaque text that fits a URL. Give the listing's name among the values, so that another listing refuses it. */
export function encodeCursor(position: Readonly<Record<string, string | number>>): string {
  return Buffer.from(JSON.stringify([VERSION, position])).toString('base64url');
}

/** The position a cursor stands for. Throws 400 when it is forged, truncated, of another version, or not what `schema` takes. */
export function decodeCursor<T>(text: string, schema: z.ZodType<T>): T {
  const position = cursorSchema(schema).safeParse(parse(text));
  if (!position.success) {
    throw invalidRequest('the cursor is not one of this listing', [
      { path: 'cursor', message: 'is not a cursor of this listing' },
    ]);
  }
  return position.data[1];
}

function cursorSchema<T>(schema: z.ZodType<T>): z.ZodType<[number, T]> {
  return z.tuple([z.literal(VERSION), schema]);
}

function parse(text: string): unknown {
  const bytes = Buffer.from(text, 'base64url');
  // Buffer ignores what is not base64url; a cursor of ours reads back to the same text.
  if (text.length > MAX_CURSOR_LENGTH || bytes.toString('base64url') !== text) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
