import * as fc from 'fast-check';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  newPassword,
  newRolePasswords,
  parseState,
  readState,
  writeState,
} from '#database/embedded/embedded-state.ts';

describe('the remembered state', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegauge-state-'));
    chmodSync(folder, 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is read back as it was written, from a file that only its owner may read', () => {
    const state = { port: 20_001, password: newPassword(), rolePasswords: newRolePasswords() };

    writeState(folder, { ...state, port: 1, password: 'x' });
    writeState(folder, state);

    expect(readState(folder)).toEqual(state);
    expect(readdirSync(folder)).toEqual(['state.json']);
    expect(statSync(join(folder, 'state.json')).mode & 0o777).toBe(0o600);
  });

  it('is none in a folder without one', () => {
    expect(readState(folder)).toBeUndefined();
    expect(readState(join(folder, 'missing'))).toBeUndefined();
  });

  it('forgets a port that is none, and everything without a password', () => {
    expect(parseState('{"port":70000,"password":"p"}')).toEqual({
      port: undefined,
      password: 'p',
      rolePasswords: undefined,
    });
    expect(parseState('{"port":20001,"password":""}')).toBeUndefined();
    expect(parseState('{"port":20001}')).toBeUndefined();
  });

  it('forgets the passwords of the roles unless all of them are there', () => {
    const passwords = { owner: 'o', app: 'a', reader: 'r' };
    const parsed = [passwords, { ...passwords, app: '' }, { owner: 'o' }, null].map(
      (rolePasswords) =>
        parseState(JSON.stringify({ port: 20_001, password: 'p', rolePasswords }))?.rolePasswords,
    );

    expect(parsed).toStrictEqual([passwords, undefined, undefined, undefined]);
  });

  it('is none for any text that is not a state', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseState(text)).toBeUndefined();
      }),
    );
  });
});

describe('a new password', () => {
  it('has 192 random bits and needs no quoting', () => {
    expect(newPassword()).toMatch(/^[\w-]{32}$/u);
    expect(newPassword()).not.toBe(newPassword());
  });
});
