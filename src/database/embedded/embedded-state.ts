import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { fileFault, systemCode } from './embedded-fault.ts';
import { writePrivateFile } from './private-file.ts';

/** What is remembered about an embedded server between starts. */
export interface EmbeddedState {
  readonly port: number | undefined;
  readonly password: string;
}

/** Reads what is remembered; undefined when nothing is, or nothing that can be understood. */
export function readState(dataDir: string): EmbeddedState | undefined {
  const path = join(dataDir, 'state.json');
  try {
    return parseState(readFileSync(path, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw fileFault(error, path);
  }
}

/** Remembers port and password in a file that only its owner may read. */
export function writeState(dataDir: string, state: EmbeddedState): void {
  writePrivateFile(join(dataDir, 'state.json'), `${JSON.stringify(state)}\n`);
}

/** A new password of 192 random bits that needs no quoting anywhere. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** Parses the remembered state; undefined when it is damaged. */
export function parseState(text: string): EmbeddedState | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('password' in value)) return undefined;
    const port = 'port' in value ? value.port : undefined;
    if (typeof value.password !== 'string' || value.password === '') return undefined;
    const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
    return { port: isPort ? port : undefined, password: value.password };
  } catch {
    return undefined;
  }
}
