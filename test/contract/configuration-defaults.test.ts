import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

import { describe, expect, it } from 'vitest';

import { environmentSchema } from '#config/environment-schema.ts';
import { parseSettings } from '#config/parse-settings.ts';
import { settingDocs } from '#config/setting-kind.ts';

const LITERAL_DEFAULTS = Object.entries(environmentSchema.shape).flatMap(([name, schema]) => {
  const [, value] = /^`([^`]*)`$/.exec(settingDocs.get(schema)?.default ?? '') ?? [];
  return value === undefined ? [] : [{ name, value }];
});

describe('a documented default', () => {
  it.each(LITERAL_DEFAULTS)('$name=$value is what an unset variable means', ({ name, value }) => {
    expect(parseSettings({ [name]: value })).toEqual(parseSettings({}));
  });

  it('can be uncommented in .env.example with no other effect than that the port is chosen', () => {
    const uncommented = readFileSync('.env.example', 'utf8').replaceAll(/^#(?=[A-Z_]+=)/gm, '');

    const env = parseEnv(uncommented);

    expect(Object.keys(env)).toEqual(expect.arrayContaining(Object.keys(environmentSchema.shape)));
    const { settings, warnings } = parseSettings({}, { isTerminal: true });
    expect(parseSettings(env, { isTerminal: true })).toEqual({
      // A port that is written down was chosen: the service does not move to another one.
      settings: { ...settings, http: { ...settings.http, mayMovePort: false } },
      warnings,
    });
  });

  it('is all that .env.example would set as it is: nothing', () => {
    expect(parseEnv(readFileSync('.env.example', 'utf8'))).toEqual({});
  });
});
