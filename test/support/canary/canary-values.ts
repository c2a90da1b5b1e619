/** Parts of the values that the tests write: their addresses, and the mark that hostile values carry. */
export const ROW_MARKERS = ['@example.', '@chaos.example', '@canary.test', 'c4n4ry'] as const;

/** How a value may stand in a text. */
export interface ValueForm {
  readonly form: 'as it is' | 'in a URL' | 'in JSON' | 'in hex' | 'in base64';
  readonly text: string;
}

/** The forms of a value; of base64 there is one for each alignment. */
export function formsOf(value: string): readonly ValueForm[] {
  const bytes = Buffer.from(value);
  return [
    { form: 'as it is', text: value },
    { form: 'in a URL', text: encodeURIComponent(value) },
    { form: 'in JSON', text: JSON.stringify(value).slice(1, -1) },
    { form: 'in hex', text: bytes.toString('hex') },
    ...([0, 1, 2] as const).flatMap((offset) =>
      (['base64', 'base64url'] as const).map((encoding) => ({
        form: 'in base64' as const,
        text: base64Inside(bytes, offset, encoding),
      })),
    ),
  ];
}

/** Matches a text that holds any of the values in any of their forms, in either case. */
export function markerPattern(values: readonly string[]): RegExp {
  return new RegExp(
    values
      .flatMap((value) => formsOf(value).map(({ text }) => text))
      .map((text) => text.replaceAll(/\W/g, String.raw`\$&`))
      .join('|'),
    'i',
  );
}

/** What base64 of a longer text has for these bytes when they stand `offset` bytes behind a multiple of three. */
function base64Inside(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
  // Characters at both ends also depend on the neighbours' bits.
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}
