import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SelfCheck } from '#database/self-check/self-check.ts';
import { servicePlanOf } from '#test/support/server-facts-of.ts';

const RETRY_MS = 10_000;

let failures = 0;

/** A check at whose server nobody may try: it fails without a connection. */
function barredCheck(): SelfCheck {
  failures = 0;
  const { connection, ...plan } = servicePlanOf();
  return new SelfCheck({
    connection: { ...connection, password: undefined },
    plan,
    sessionSettings: {},
    gate: { mayTry: false, cause: undefined },
    askIdle: () => Promise.reject(new Error('not asked')),
    observer: { selfCheckFailed: () => void (failures += 1) },
  });
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a check that failed', () => {
  it('is made again until it succeeds, and no more once it is stopped', async () => {
    const check = barredCheck();

    await check.run();
    await vi.advanceTimersByTimeAsync(2 * RETRY_MS);
    expect(failures).toBe(3);

    await check.stop();
    await check.run();
    await vi.advanceTimersByTimeAsync(2 * RETRY_MS);
    expect(failures).toBe(3);
  });

  it('is not made again while the server is away, but when it is back', async () => {
    const check = barredCheck();
    await check.run();

    check.verdictChanged({ to: 'down', code: 'DB_CONNECT_REFUSED' });
    await vi.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(failures).toBe(1);

    check.verdictChanged({ to: 'up', code: undefined });
    await vi.advanceTimersByTimeAsync(RETRY_MS);
    expect(failures).toBe(3);
    await check.stop();
  });

  it('at a moment at which the server had gone is not made again either', async () => {
    const check = barredCheck();

    const running = check.run();
    check.verdictChanged({ to: 'down', code: 'DB_CONNECTION_LOST' });
    await running;
    await vi.advanceTimersByTimeAsync(2 * RETRY_MS);

    expect(failures).toBe(1);
    await check.stop();
  });

  it('is made where the role may not read whether migrations are pending, which is down, too', async () => {
    const check = barredCheck();

    check.verdictChanged({ to: 'down', code: 'DB_PERMISSION' });
    await vi.advanceTimersByTimeAsync(0);

    expect(failures).toBe(1);
    await check.stop();
  });
});
