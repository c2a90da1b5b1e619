import { describe, expect, it } from 'vitest';

import { ConfigError } from '#config/config-error.ts';
import { formatConfigError } from '#config/format-config-error.ts';
import { parseSettings } from '#config/parse-settings.ts';
import { redactSettings } from '#config/redact-settings.ts';

describe('settings for printing', () => {
  it('show who connects where, and that there are secrets', () => {
    const { settings } = parseSettings({
      DATABASE_URL: 'postgres://app:c4n4ry@db.example.com:5433/tidegauge',
      MANAGEMENT_TOKEN: 'c4n4ry-c4n4ry-c4n4ry',
    });

    const shown = redactSettings(settings);

    expect(shown).toMatchObject({
      management: { token: '[redacted]', listener: null },
      database: {
        connection: {
          host: 'db.example.com',
          port: 5433,
          database: 'tidegauge',
          user: 'app',
          password: '[redacted]',
        },
        poolSize: 5,
      },
    });
    expect(JSON.stringify(shown)).not.toContain('c4n4ry');
  });

  it('show what is not set', () => {
    expect(redactSettings(parseSettings({}).settings)).toMatchObject({
      management: { token: null, listener: null },
      database: { connection: 'embedded PostgreSQL' },
    });
    expect(
      redactSettings(parseSettings({ DATABASE_URL: 'postgres://u@h/db' }).settings),
    ).toHaveProperty('database.connection.password', null);
  });
});

describe('faults for printing', () => {
  it('are one line each below their count', () => {
    expect(formatConfigError(new ConfigError(['PORT: a', 'HOST: b']))).toBe(
      '2 settings are not valid (see docs/configuration.md):\n  PORT: a\n  HOST: b\n',
    );
    expect(formatConfigError(new ConfigError(['PORT: a']))).toBe(
      'one setting is not valid (see docs/configuration.md):\n  PORT: a\n',
    );
  });
});
