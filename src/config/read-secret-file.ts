import { readFileSync, statSync } from 'node:fs';

/** More than any password or URL needs; a log or an image named by mistake is not read. */
const LARGEST_FILE = 65_536;

/** The one line of a secret file, or what is wrong with the file. Never its path or its content. */
export type SecretFile = { readonly value: string } | { readonly fault: string };

/**
 * Reads a secret that an orchestrator mounts as a file. One trailing line break is dropped, nothing
 * else. Throws nothing.
 */
export function readSecretFile(path: string): SecretFile {
  const text = readTextFile(path);
  if ('fault' in text) return text;
  const value = text.value.replace(/\r?\n$/, '');
  if (value === '') return { fault: 'names an empty file' };
  if (/[\r\n]/.test(value)) return { fault: 'names a file of more than one line' };
  if (value.includes('\0')) return { fault: 'names a file that holds a NUL character' };
  return { value };
}

/** Reads a file whole, as UTF-8. Throws nothing. */
export function readTextFile(path: string): SecretFile {
  let bytes: Buffer;
  try {
    const status = statSync(path);
    if (status.isDirectory()) return { fault: 'names a directory, not a file' };
    if (!status.isFile()) return { fault: 'names something that is not a regular file' };
    if (status.size > LARGEST_FILE) return { fault: `names a file above ${LARGEST_FILE} bytes` };
    bytes = readFileSync(path);
  } catch (error) {
    return { fault: FAULT_OF_CODE[codeOf(error)] ?? 'names a file that cannot be read' };
  }
  if (bytes.length === 0) return { fault: 'names an empty file' };
  const value = decode(bytes);
  return value === undefined ? { fault: 'names a file that is not UTF-8 text' } : { value };
}

const FAULT_OF_CODE: Readonly<Record<string, string>> = {
  ENOENT: 'names a file that does not exist',
  ENOTDIR: 'names a file that does not exist',
  EACCES: 'names a file that this process may not read',
  EPERM: 'names a file that this process may not read',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
