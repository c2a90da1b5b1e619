import { describe, expect, it } from 'vitest';
import { etagOf, isNotModified, requireMatch } from '#http/etag.ts';

const present = etagOf(7);

describe('If-Match', () => {
  it.each([
    undefined,
    '*',
    ' * ',
    '"7"',
    '"1", "7"',
    '"1","7"',
    'W/"7", "7"',
    ',"7"',
    '"1",, "7",',
  ])('holds as %s', (header) => {
    expect(() => requireMatch(header, present)).not.toThrow();
  });

  it.each(['"6"', '"77"', 'W/"7"', '"", "6"'])('does not hold as %s', (header) => {
    expect(() => requireMatch(header, present)).toThrow(
      expect.objectContaining({ code: 'PRECONDITION_FAILED', status: 412 }),
    );
  });

  it.each(['7', '', '"7', '"7" "8"', '"6" or "7"', `${'"a",'.repeat(2000)}b`])(
    'is malformed as %.20s',
    (header) => {
      expect(() => requireMatch(header, present)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID', status: 400 }),
      );
    },
  );
});

describe('If-None-Match', () => {
  it.each([
    [undefined, false],
    ['"6"', false],
    ['"7"', true],
    ['W/"7"', true],
    ['*', true],
    ['"6", W/"7"', true],
  ])('%s says that nothing has changed: %s', (header, expected) => {
    expect(isNotModified(header, present)).toBe(expected);
  });
});
