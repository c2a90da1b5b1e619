import { beginsOrEnds } from '#database/begins-or-ends.ts';

/** Whether a statement begins a transaction that may write, or leaves none that may; undefined: neither. */
export function isWriter(text: string): boolean | undefined {
  if (/^\s*(?:start\s+transaction|begin)\b.*\bread\s+write\b/i.test(text)) return true;
  return beginsOrEnds(text) || /^\s*set\s+transaction\s+read\s+only\b/i.test(text)
    ? false
    : undefined;
}
