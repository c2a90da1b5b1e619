import { describe, expect, it } from 'vitest';
import { ConfigError } from '#config/config-error.ts';
import { parseProvisioning } from '#config/parse-provisioning.ts';
import { parseSettings } from '#config/parse-settings.ts';

const URLS = {
  DATABASE_URL: 'postgresql://app:a@h/d',
  MIGRATION_DATABASE_URL: 'postgresql://owner:o@h/d',
  REPORTING_DATABASE_URL: 'postgresql://reader:r@h/d',
  PROVISION_DATABASE_URL: 'postgresql://admin:c4n4ry@h/d',
};

function parse(changed: Readonly<Record<string, string | undefined>>) {
  const env = { ...URLS, ...changed };
  return parseProvisioning(env, parseSettings(env).settings.database);
}

describe('who provides for a database', () => {
  it('is the administrator, for the roles of the other URLs', () => {
    const { administrator, owner, app, reader } = parse({}) ?? {};

    expect([administrator, owner, app, reader].map((role) => role?.user)).toStrictEqual([
      'admin',
      'owner',
      'app',
      'reader',
    ]);
    expect(parse({ REPORTING_DATABASE_URL: undefined })?.reader).toBeUndefined();
  });

  it('is nobody where the embedded server is meant', () => {
    const unset = Object.fromEntries(Object.keys(URLS).map((variable) => [variable, undefined]));

    expect(parse(unset)).toBeUndefined();
  });

  it.each([
    [{ PROVISION_DATABASE_URL: undefined }, 'PROVISION_DATABASE_URL'],
    [{ PROVISION_DATABASE_URL: 'c4n4ry' }, 'PROVISION_DATABASE_URL'],
    [{ PROVISION_DATABASE_URL: 'postgresql://admin:c4n4ry@h/other' }, 'PROVISION_DATABASE_URL'],
    [{ PROVISION_DATABASE_URL: 'postgresql://app:c4n4ry@h/d' }, 'PROVISION_DATABASE_URL'],
    [{ PROVISION_DATABASE_URL_FILE: '/nowhere/c4n4ry' }, 'PROVISION_DATABASE_URL_FILE'],
    [{ MIGRATION_DATABASE_URL: undefined }, 'MIGRATION_DATABASE_URL'],
    [{ MIGRATION_DATABASE_URL: 'postgresql://app:o@h/d' }, 'PROVISION_DATABASE_URL'],
  ])('is refused without a value being told: %o', (changed, variable) => {
    const parsing = () => parse(changed);

    expect(parsing).toThrow(ConfigError);
    expect(parsing).toThrow(variable);
    expect(parsing).not.toThrow('c4n4ry');
  });
});
