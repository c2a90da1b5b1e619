import { invalidRequest, preconditionFailed } from './http-error.ts';

const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
// No header can hold it.
const MARK = '\0';

/** The entity tag of a version number: strong, since the same version always gives the same bytes. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** Throws 412 when `If-Match` is there and names neither `etag` nor `*`, 400 when it is malformed. Absent: any version will do. */
export function requireMatch(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  // Strong comparison (RFC 9110, 13.1.1): a weak tag never matches.
  if (!tagsOf(ifMatch, 'If-Match').includes(etag)) throw preconditionFailed();
}

/** True when the client already has `etag`, that is, when 304 is the answer. Throws 400 when the header is malformed. */
export function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return tagsOf(ifNoneMatch, 'If-None-Match').some((tag) => opaque(tag) === opaque(etag));
}

function opaque(tag: string): string {
  return tag.replace(/^W\//, '');
}

/** Empty elements of a list are ignored (RFC 9110, 5.6.1). */
function tagsOf(header: string, name: string): string[] {
  const tags = header.match(TAG);
  const between = header.replaceAll(TAG, MARK);
  if (tags === null || /[^\s,\0]|\0\s*\0/.test(between)) {
    throw invalidRequest(`${name} must be * or a list of entity tags`);
  }
  return tags;
}
