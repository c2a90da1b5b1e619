import { describe, expect, it } from 'vitest';

import { parseSettings } from '#config/parse-settings.ts';

import { faultsOf } from './faults-of.ts';

describe('rules between settings', () => {
  it.each([
    [{ DB_ACQUIRE_TIMEOUT_MS: '10000' }, 'DB_ACQUIRE_TIMEOUT_MS', 'HTTP_REQUEST_TIMEOUT_MS'],
    [{ DB_STATEMENT_TIMEOUT_MS: '10000' }, 'DB_STATEMENT_TIMEOUT_MS', 'HTTP_REQUEST_TIMEOUT_MS'],
    [{ DB_IDLE_TIMEOUT_MS: '1800000' }, 'DB_IDLE_TIMEOUT_MS', 'DB_MAX_LIFETIME_MS'],
  ])('refuse equal durations: %j', (env, smaller, larger) => {
    const faults = faultsOf(() => parseSettings(env));

    expect(faults).toEqual([
      expect.stringContaining(`${smaller}: must be smaller than ${larger} (`),
    ]);
  });

  it.each([
    { DB_CONNECT_TIMEOUT_MS: '1500' },
    { DB_PRE_PING_TIMEOUT_MS: '1000' },
    { DB_CONNECT_TIMEOUT_MS: '2000', DB_POOL_PRE_PING: 'false' },
  ])('leave time to connect, after a failed ping, too: %j', (env) => {
    expect(faultsOf(() => parseSettings(env))).toEqual([
      expect.stringContaining(
        'DB_CONNECT_TIMEOUT_MS: must be smaller than DB_ACQUIRE_TIMEOUT_MS, ',
      ),
    ]);
  });

  it('count the ping only where there is one', () => {
    const env = { DB_CONNECT_TIMEOUT_MS: '1999', DB_POOL_PRE_PING: 'false' };

    expect(faultsOf(() => parseSettings(env))).toEqual([]);
  });

  it('refuse a head that may take longer than its request', () => {
    expect(parseSettings({ HTTP_HEADERS_TIMEOUT_MS: '30000' }).settings.http.headersTimeoutMs).toBe(
      30_000,
    );
    expect(faultsOf(() => parseSettings({ HTTP_HEADERS_TIMEOUT_MS: '30001' }))).toEqual([
      expect.stringContaining('must not be larger than HTTP_RECEIVE_TIMEOUT_MS'),
    ]);
  });

  it('tell every rule that one value breaks', () => {
    expect(faultsOf(() => parseSettings({ HTTP_REQUEST_TIMEOUT_MS: '1' }))).toHaveLength(2);
  });

  it('are judged among sound values only', () => {
    const faults = faultsOf(() =>
      parseSettings({ DB_CONNECT_TIMEOUT_MS: '5000', DB_ACQUIRE_TIMEOUT_MS: 'x' }),
    );

    expect(faults).toEqual(['DB_ACQUIRE_TIMEOUT_MS: must be an integer from 1 to 86400000']);
  });

  it('are judged beside faults elsewhere', () => {
    expect(
      faultsOf(() => parseSettings({ DB_CONNECT_TIMEOUT_MS: '5000', PORT: 'x' })),
    ).toHaveLength(2);
  });

  it('warn of durations that work, though hardly as meant', () => {
    const { warnings } = parseSettings({ DB_LOCK_TIMEOUT_MS: '5000', SHUTDOWN_GRACE_MS: '9999' });

    expect(warnings).toEqual([
      expect.stringContaining('DB_LOCK_TIMEOUT_MS should be smaller than DB_STATEMENT_TIMEOUT_MS'),
      expect.stringContaining(
        'HTTP_REQUEST_TIMEOUT_MS should not be larger than SHUTDOWN_GRACE_MS',
      ),
    ]);
  });
});
