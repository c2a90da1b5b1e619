/** Parts of the values that the tests write: their addresses, and the mark that hostile values carry. */
export const ROW_MARKERS = ['@example.', 'c4n4ry'] as const;

/** The forms in which a value may stand in a log: as it is, in a URL, in base64, in the hex of bytea. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  return [
    value,
    encodeURIComponent(value),
    bytes.toString('hex'),
    ...[0, 1, 2].map((offset) => base64Inside(bytes, offset)),
  ];
}

/** Matches a text that holds any of the values in any of their forms, in either case. */
export function markerPattern(values: readonly string[]): RegExp {
  return new RegExp(
    values
      .flatMap(formsOf)
      .map((form) => form.replaceAll(/\W/g, String.raw`\$&`))
      .join('|'),
    'i',
  );
}

/** What base64 of a longer text has for these bytes when they stand `offset` bytes behind a multiple of three. */
function base64Inside(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64url');
  // Characters at both ends also depend on the neighbours' bits.
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}
