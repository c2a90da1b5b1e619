import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadSettings } from '#config/load-settings.ts';

import { faultsOf } from './faults-of.ts';

const before = { ...process.env };
const clear = () => {
  for (const name of Object.keys(process.env)) delete process.env[name];
};

beforeEach(clear);

afterEach(() => {
  clear();
  Object.assign(process.env, before);
});

describe('settings of the process', () => {
  it('are read from its environment', () => {
    process.env.PORT = '4711';

    expect(loadSettings().settings.http.port).toBe(4711);
  });

  it('are refused with what is wrong in its environment', () => {
    process.env.PORT = 'x';

    expect(faultsOf(loadSettings)).toEqual(['PORT: must be an integer from 0 to 65535']);
  });

  it('leave nothing behind that pg would obey', () => {
    process.env.PGPASSWORD = 'c4n4ry';
    process.env.PGSSLMODE = 'require';

    const { warnings } = loadSettings();

    expect(warnings).toHaveLength(2);
    expect(process.env).not.toHaveProperty('PGPASSWORD');
    expect(process.env).not.toHaveProperty('PGSSLMODE');
  });
});
