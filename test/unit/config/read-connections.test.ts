import { writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { redactSettings } from '#config/redact-settings.ts';
import { faultsOf } from './faults-of.ts';

const MAIN = { DATABASE_URL: 'postgresql://app:c4n4ry@pooler:6432/db' };
const FURTHER = ['DATABASE_DIRECT_URL', 'MIGRATION_DATABASE_URL', 'REPORTING_DATABASE_URL'];

let folder: string;
let passwordFile: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'connections-'));
  passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'c4n4ry-rotated\n');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('further ways to the database', () => {
  it('are read from their URLs', () => {
    const { database } = parseSettings({
      ...MAIN,
      DATABASE_DIRECT_URL: 'postgresql://app:c4n4ry@direct/db',
      MIGRATION_DATABASE_URL: 'postgresql://owner:c4n4ry@direct/db',
      REPORTING_DATABASE_URL: 'postgresql://reader:c4n4ry@standby/db',
      DATABASE_REPLICA_URLS: 'postgresql://app:c4n4ry@one/db, postgresql://app:c4n4ry@two:5433/db',
    }).settings;

    expect(database.direct).toMatchObject({ host: 'direct', user: 'app' });
    expect(database.migration).toMatchObject({ host: 'direct', user: 'owner' });
    expect(database.reporting).toMatchObject({ host: 'standby', user: 'reader' });
    expect(database.replicas.map(({ host, port }) => `${host}:${port}`)).toEqual([
      'one:5432',
      'two:5433',
    ]);
  });

  it('show no password', () => {
    const { settings } = parseSettings({
      ...MAIN,
      ...Object.fromEntries(FURTHER.map((name) => [name, 'postgresql://u:c4n4ry@h/db'])),
      DATABASE_REPLICA_URLS: 'postgresql://u:c4n4ry@h/db',
    });

    expect(JSON.stringify(redactSettings(settings))).not.toContain('c4n4ry');
  });

  it('have the rotated password of the same role, unless they name their own', () => {
    const { database } = parseSettings({
      ...MAIN,
      DATABASE_PASSWORD_FILE: passwordFile,
      DATABASE_DIRECT_URL: 'postgresql://app@direct/db',
      MIGRATION_DATABASE_URL: 'postgresql://owner@direct/db',
      DATABASE_REPLICA_URLS: 'postgresql://app@one/db,postgresql://app:c4n4ry@two/db',
    }).settings;

    expect(database.direct).toMatchObject({ passwordFile });
    expect(database.direct?.password?.reveal()).toBe('c4n4ry-rotated');
    expect(database.migration?.password).toBeUndefined();
    expect(database.replicas.map((replica) => replica.password?.reveal())).toEqual([
      'c4n4ry-rotated',
      'c4n4ry',
    ]);
  });

  it.each([...FURTHER, 'DATABASE_REPLICA_URLS'])('%s needs the server itself', (variable) => {
    expect(faultsOf(() => parseSettings({ [variable]: 'postgresql://u:c4n4ry@h/db' }))).toEqual([
      `${variable}: must be unset when DATABASE_URL is`,
    ]);
  });

  it.each([...FURTHER, 'DATABASE_REPLICA_URLS'])('%s that is no URL is refused', (variable) => {
    expect(faultsOf(() => parseSettings({ ...MAIN, [variable]: 'c4n4ry' }))).toEqual([
      `${variable}: must start with postgresql:// or postgres://`,
    ]);
  });

  it('are eight replicas at most', () => {
    const urls = (count: number) => Array(count).fill('postgresql://u@h/db').join(',');

    expect(
      parseSettings({ ...MAIN, DATABASE_REPLICA_URLS: urls(8) }).settings.database.replicas,
    ).toHaveLength(8);
    expect(faultsOf(() => parseSettings({ ...MAIN, DATABASE_REPLICA_URLS: urls(9) }))).toEqual([
      'DATABASE_REPLICA_URLS: must name at most 8 replicas',
    ]);
  });
});
