import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HttpError } from '#http/http-error.ts';
import { decodeCursor, encodeCursor } from '#http/pagination.ts';

const position = z.strictObject({ list: z.literal('things'), after: z.string() });

describe('a cursor', () => {
  it('reads back to the position it was made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), (after) => {
        const cursor = encodeCursor({ list: 'things', after });

        expect(decodeCursor(cursor, position)).toEqual({ list: 'things', after });
      }),
    );
  });

  it('fits into a URL as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), (after) => {
        const cursor = encodeCursor({ list: 'things', after });

        expect(encodeURIComponent(cursor)).toBe(cursor);
      }),
    );
  });

  it('is refused when it is of another listing', () => {
    const foreign = encodeCursor({ list: 'others', after: 'a' });

    expect(() => decodeCursor(foreign, position)).toThrow(HttpError);
  });

  it('is refused wherever it is cut off', () => {
    const cursor = encodeCursor({ list: 'things', after: 'somewhere' });

    fc.assert(
      fc.property(fc.nat(cursor.length - 1), (length) => {
        expect(() => decodeCursor(cursor.slice(0, length), position)).toThrow(HttpError);
      }),
    );
  });

  it('is refused with anything added to it', () => {
    const cursor = encodeCursor({ list: 'things', after: 'a' });

    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (more) => {
        expect(() => decodeCursor(cursor + more, position)).toThrow(HttpError);
      }),
    );
  });

  it.each([
    [[2, { list: 'things', after: 'a' }]],
    [{ list: 'things', after: 'a' }],
    [[1, { list: 'things', after: 'a', more: 1 }]],
    [[1, { list: 'things', after: 'a' }, 2]],
    [[1]],
    [null],
  ])('is refused when it is forged: %j', (content) => {
    const forged = Buffer.from(JSON.stringify(content)).toString('base64url');

    expect(() => decodeCursor(forged, position)).toThrow(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        status: 400,
        errors: [{ path: 'cursor', message: 'is not a cursor of this listing' }],
      }),
    );
  });

  it('is refused with INPUT_INVALID whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(() => decodeCursor(text, position)).toThrow(HttpError);
      }),
    );
  });
});
