import { createHash, timingSafeEqual } from 'node:crypto';

const BEARER = /^Bearer +(\S+) *$/i;

/** True when an `Authorization` header carries `token`. Takes as long for a wrong one; without a token it is always false. */
export function carriesToken(
  authorization: string | undefined,
  token: string | undefined,
): boolean {
  const given = BEARER.exec(authorization ?? '')?.[1];
  if (given === undefined || token === undefined) return false;
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
