import fc from 'fast-check';

/** Part of every text and of all bytes: a statement of the service that shows it fails the run. */
const MARK = 'c4n4ry';

const HOSTILE = [
  "'",
  "''",
  '"',
  '\\',
  '\\\\',
  "\\'",
  '?',
  '??',
  '\\?',
  '$1',
  '$$',
  '$a$',
  '--',
  '/*',
  '*/',
  ';',
  '{',
  '}',
  ',',
  'NULL',
  'null',
  'true',
  '%',
  '_',
  ' ',
  '\t',
  '\r\n',
  '\n',
  '\v',
  '\u0007',
  '\u001b[31m',
  '\u202eabc\u202c',
  '\ufeff',
  '👩‍👩‍👧',
  'ß',
  'İ',
  '\u0301',
  '\uffff',
  "'; drop table every_type; --",
];

/** Texts that PostgreSQL can hold, and that break whatever writes them into a statement. */
export const hostileText: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.constantFrom(...HOSTILE),
        fc.string({ unit: 'grapheme', maxLength: 8 }),
        fc.string({ unit: 'binary', maxLength: 4 }),
      ),
      { maxLength: 6 },
    ),
    fc.boolean(),
  )
  .map(([parts, isFirst]) => {
    const text = parts.join('').replaceAll('\0', '').toWellFormed().slice(0, 100);
    // A cut may have split a pair.
    return (isFirst ? `${MARK}${text}` : `${text}${MARK}`).toWellFormed();
  });

const bytes = fc
  .uint8Array({ maxLength: 40 })
  .map((tail) => Buffer.concat([Buffer.from(MARK), tail]));
const int4 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const date = fc.date({
  min: new Date('0001-01-01T00:00:00.000Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, true, false, '', 0),
    hostileText,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(hostileText, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const address = fc.record({ street: hostileText, zip: fc.option(int4) });

/** Values for every property of EveryTypeEntity. */
export const everyTypeValues = fc.record({
  text: hostileText,
  varchar: hostileText,
  uuid: fc.uuid(),
  integer: int4,
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  // MikroORM takes an entity that holds NaN for changed, since NaN differs from itself.
  double: fc.double({ noNaN: true }),
  // Within 15 digits: MikroORM compares decimals as doubles, so it sees no change beyond.
  decimal: fc
    .tuple(fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n }), fc.nat({ max: 999 }))
    .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(3, '0')}`),
  boolean: fc.boolean(),
  at: date,
  day: date.map((day) => day.toISOString().slice(0, 10)),
  bytes,
  octets: bytes.map((buffer) => new Uint8Array(buffer)),
  json,
  texts: fc.array(fc.oneof(hostileText, fc.constantFrom('', ' ', 'NULL')), { maxLength: 4 }),
  integers: fc.array(int4, { maxLength: 4 }),
  kind: fc.constantFrom('a' as const, 'b' as const),
  textOrNull: fc.option(hostileText),
  integerOrNull: fc.option(int4),
  atOrNull: fc.option(date),
  bytesOrNull: fc.option(bytes),
  textsOrNull: fc.option(fc.array(hostileText, { maxLength: 2 })),
  address,
  home: fc.option(address),
  places: fc.option(fc.array(address, { maxLength: 3 })),
});

export type EveryTypeValues = typeof everyTypeValues extends fc.Arbitrary<infer T> ? T : never;
