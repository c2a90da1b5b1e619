import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** PostgreSQL's own default. */
const ITERATIONS = 4096;
const MOST_ITERATIONS = 1_000_000;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const VERIFIER =
  /^SCRAM-SHA-256\$(?<iterations>\d{1,7}):(?<salt>[A-Za-z0-9+/=]+)\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/;

/**
 * What PostgreSQL keeps of a password (RFC 5803). Sent in place of the password, so that neither a statement nor the
 * log of the server ever holds it.
 */
export function scramVerifier(password: string): string {
  return verifierOf(password, randomBytes(SALT_BYTES), ITERATIONS);
}

/** Whether what the server keeps is of this password. False for what is no SCRAM verifier, such as an MD5 hash. */
export function isVerifierOf(kept: string | null, password: string): boolean {
  const { iterations, salt } = VERIFIER.exec(kept ?? '')?.groups ?? {};
  const count = Number(iterations);
  if (kept === null || salt === undefined || count < 1 || count > MOST_ITERATIONS) return false;
  const own = Buffer.from(verifierOf(password, Buffer.from(salt, 'base64'), count));
  const other = Buffer.from(kept);
  return own.length === other.length && timingSafeEqual(own, other);
}

function verifierOf(password: string, salt: Buffer, iterations: number): string {
  const salted = pbkdf2Sync(prepared(password), salt, iterations, KEY_BYTES, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/** SASLprep (RFC 4013) as clients of PostgreSQL do it: other blanks are blanks, what is invisible goes, then NFKC. */
function prepared(password: string): string {
  return password
    .replaceAll(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g, ' ')
    .replaceAll(
      // oxlint-disable-next-line no-misleading-character-class -- the very characters that combine
      /[\u00AD\u034F\u1806\u180B-\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/g,
      '',
    )
    .normalize('NFKC');
}
