import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { RoleKind } from '#database/provision/provision-request.ts';
import { fileFault, systemCode } from './embedded-fault.ts';
import { writePrivateFile } from './private-file.ts';

/** What is remembered about an embedded server between starts. */
export interface EmbeddedState {
  readonly port: number | undefined;
  /** Of the superuser. */
  readonly password: string;
  /** Of the roles that the service logs in as; undefined in a folder of a version that knew none. */
  readonly rolePasswords: RolePasswords | undefined;
}

export type RolePasswords = Readonly<Record<RoleKind, string>>;

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

/** Remembers port and passwords in a file that only its owner may read. */
export function writeState(dataDir: string, state: EmbeddedState): void {
  writePrivateFile(join(dataDir, 'state.json'), `${JSON.stringify(state)}\n`);
}

/** A new password of 192 random bits that needs no quoting anywhere. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** New passwords for the roles of the service. */
export function newRolePasswords(): RolePasswords {
  return { owner: newPassword(), app: newPassword(), reader: newPassword() };
}

/** Parses the remembered state; undefined when it is damaged. */
export function parseState(text: string): EmbeddedState | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('password' in value)) return undefined;
    const port = 'port' in value ? value.port : undefined;
    if (!isPassword(value.password)) return undefined;
    const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
    return {
      port: isPort ? port : undefined,
      password: value.password,
      rolePasswords: 'rolePasswords' in value ? parseRoles(value.rolePasswords) : undefined,
    };
  } catch {
    return undefined;
  }
}

function parseRoles(value: unknown): RolePasswords | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { owner, app, reader }: Partial<Record<RoleKind, unknown>> = value;
  return isPassword(owner) && isPassword(app) && isPassword(reader)
    ? { owner, app, reader }
    : undefined;
}

function isPassword(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
