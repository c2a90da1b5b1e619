import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseSettings } from '#config/parse-settings.ts';
import { readSecretFile } from '#config/read-secret-file.ts';

import { asOrdinaryUser } from './as-ordinary-user.ts';
import { faultsOf } from './faults-of.ts';

const DATABASE_URL = 'postgres://u:of-the-url@h/db';
let folder = '';

const file = (name: string, content: string | Buffer) => {
  const whole = path.join(folder, name);
  writeFileSync(whole, content);
  return whole;
};

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'secrets-'));
  chmodSync(folder, 0o755);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a secret file', () => {
  it.each([
    ['as it is', 'p#a%20/ß', 'p#a%20/ß'],
    ['without its last line break', 'pass\n', 'pass'],
    ['without its last line break of Windows', 'pass\r\n', 'pass'],
    ['with its blanks', ' pass ', ' pass '],
  ])('is read %s', (_, content, value) => {
    expect(readSecretFile(file('sound', content))).toEqual({ value });
  });

  it('is found behind a symbolic link, as Kubernetes mounts it', () => {
    const link = path.join(folder, 'link');
    symlinkSync(file('target', 'pass'), link);

    expect(readSecretFile(link)).toEqual({ value: 'pass' });
  });

  it.each([
    ['', 'names an empty file'],
    ['\n', 'names an empty file'],
    ['a\nb', 'names a file of more than one line'],
    ['a\n\n', 'names a file of more than one line'],
    ['a\0', 'names a file that holds a NUL character'],
    [Buffer.from([0x61, 0xff]), 'names a file that is not UTF-8 text'],
    ['x'.repeat(65_537), 'names a file above 65536 bytes'],
  ])('with unfit content is refused (%#)', (content, fault) => {
    expect(readSecretFile(file('unfit', content))).toEqual({ fault });
  });

  it('that is missing is refused', () => {
    const missing = path.join(folder, 'missing');
    const belowFile = path.join(file('plain', 'x'), 'below');

    expect(readSecretFile(missing)).toEqual({ fault: 'names a file that does not exist' });
    expect(readSecretFile(belowFile)).toEqual({ fault: 'names a file that does not exist' });
  });

  it('that is a directory, a device or no path at all is refused', () => {
    const directory = path.join(folder, 'directory');
    mkdirSync(directory);

    expect(readSecretFile(directory)).toEqual({ fault: 'names a directory, not a file' });
    expect(readSecretFile('/dev/zero')).toEqual({
      fault: 'names something that is not a regular file',
    });
    expect(readSecretFile('a\0b')).toEqual({ fault: 'names a file that cannot be read' });
  });

  it('that may not be read is refused', () => {
    const closed = file('closed', 'pass');
    chmodSync(closed, 0o000);

    expect(asOrdinaryUser(() => readSecretFile(closed))).toEqual({
      fault: 'names a file that this process may not read',
    });
  });
});

describe('settings from secret files', () => {
  it('take the token from its file', () => {
    const { settings } = parseSettings({
      MANAGEMENT_TOKEN_FILE: file('token', `${'t'.repeat(16)}\n`),
    });

    expect(settings.management.token?.reveal()).toBe('t'.repeat(16));
  });

  it('take the URL from its file', () => {
    const { settings } = parseSettings({ DATABASE_URL_FILE: file('url', `${DATABASE_URL}\n`) });

    expect(settings.database.connection).toMatchObject({ host: 'h', user: 'u', database: 'db' });
    expect(settings.migrateOnStart).toBe(false);
  });

  it('prefer the password file to the URL, and pass its path on', () => {
    const DATABASE_PASSWORD_FILE = file('password', 'of the % file\n');

    const { connection } = parseSettings({ DATABASE_URL, DATABASE_PASSWORD_FILE }).settings
      .database;

    expect(connection?.password?.reveal()).toBe('of the % file');
    expect(connection?.passwordFile).toBe(DATABASE_PASSWORD_FILE);
  });

  it.each(['MANAGEMENT_TOKEN_FILE', 'DATABASE_URL_FILE', 'DATABASE_PASSWORD_FILE'])(
    'name %s when its file is missing, and not the path',
    (variable) => {
      const url = variable === 'DATABASE_PASSWORD_FILE' ? { DATABASE_URL } : {};

      const faults = faultsOf(() => parseSettings({ ...url, [variable]: '/c4n4ry' }));

      expect(faults).toEqual([`${variable}: names a file that does not exist`]);
    },
  );

  it('tell faults of what is in the file under the file', () => {
    const faults = faultsOf(() =>
      parseSettings({
        MANAGEMENT_TOKEN_FILE: file('short', 'short'),
        DATABASE_URL_FILE: file('no-url', 'x'),
      }),
    );

    expect(faults).toEqual([
      expect.stringMatching(/^MANAGEMENT_TOKEN_FILE: must hold 16 to 512/),
      'DATABASE_URL_FILE: must start with postgresql:// or postgres://',
    ]);
  });

  it('refuse a variable beside its file', () => {
    const faults = faultsOf(() =>
      parseSettings({
        NODE_ENV: 'production',
        MANAGEMENT_TOKEN: 't'.repeat(16),
        MANAGEMENT_TOKEN_FILE: file('token', 't'.repeat(16)),
        DATABASE_URL,
        DATABASE_URL_FILE: file('url', DATABASE_URL),
      }),
    );

    expect(faults).toEqual([
      'MANAGEMENT_TOKEN_FILE: must be unset when MANAGEMENT_TOKEN is set',
      'DATABASE_URL_FILE: must be unset when DATABASE_URL is set',
    ]);
  });

  it('refuse a password file without a URL', () => {
    const faults = faultsOf(() => parseSettings({ DATABASE_PASSWORD_FILE: file('pw', 'x') }));

    expect(faults).toEqual(['DATABASE_PASSWORD_FILE: must be unset when DATABASE_URL is']);
  });
});
