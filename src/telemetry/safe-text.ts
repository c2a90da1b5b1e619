/** Longest string a log line holds, in bytes of UTF-8 (reliability S13). */
export const MAX_TEXT_BYTES = 8192;

/** Room for the mark that says how much was cut. */
const MARK_BYTES = 64;

const encoder = new TextEncoder();

/** C0, DEL, C1, line and paragraph separators, and what turns the direction of text around. */
// oxlint-disable-next-line no-control-regex -- control characters are the subject
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Writes control characters visibly, so that no field moves a terminal's cursor or starts a line. */
export function escapeControls(text: string): string {
  return text.replace(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text without credentials of URLs, cut to {@link MAX_TEXT_BYTES} and marked as cut. */
export function safeText(text: string): string {
  const short = cut(text);
  return short.includes('://')
    ? short.replace(/(?<!file):\/\/[^\s"'<>]*@/g, '://[redacted]@')
    : short;
}

function cut(text: string): string {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= MAX_TEXT_BYTES || Buffer.byteLength(text) <= MAX_TEXT_BYTES) {
    return text;
  }
  const { read } = encoder.encodeInto(text, new Uint8Array(MAX_TEXT_BYTES - MARK_BYTES));
  return `${text.slice(0, read)}…[${text.length - read} characters cut]`;
}
