import { expect, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';

it('a manager that is given a URL alone has the defaults of the settings', () => {
  const { settings } = parseSettings({});

  expect(DEFAULT_DATABASE_OPTIONS).toEqual(settings.database);
});
