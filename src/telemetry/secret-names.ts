/** What stands in a log line where a secret was. */
export const REDACTED = '[redacted]';

const SECRET_NAME =
  /passw(?:or)?d|passphrase|secret|token|authorization|cookie|credential|(?:api|private)[-_]?key/i;

/** Whether a field of this name holds what nobody may read in a log. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}
