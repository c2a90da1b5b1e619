/** Whether a statement begins a transaction that may write, or makes it one that may not; undefined: neither. */
export function isWriter(text: string): boolean | undefined {
  if (/^\s*(start\s+transaction|begin)\b.*\bread\s+write\b/i.test(text)) {
    return true;
  }
  return /^\s*(commit|rollback(?!\s+to\b)|set\s+transaction\s+read\s+only)\b/i.test(text)
    ? false
    : undefined;
}
