import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { environmentSchema } from '#config/environment-schema.ts';
import { parseSettings } from '#config/parse-settings.ts';

import { faultsOf } from './faults-of.ts';
import { NUMBERS } from './numbers.ts';

const NOT_NUMBERS = [
  ' ',
  '-1',
  '+1',
  '1.5',
  '1.0',
  '1e3',
  '5s',
  '0x10',
  '0b1',
  'NaN',
  'Infinity',
  '2147483648',
  '99999999999999999999',
  ' 5',
  '5 ',
  '5\n',
  '1_000',
  '1,000',
  '٣',
  '５',
  'null',
  'true',
];

const LONGEST_TIMER_MS = 2 ** 31;

describe('a number', () => {
  it('is what seventeen or more settings are', () => {
    expect(NUMBERS.length).toBeGreaterThanOrEqual(17);
  });

  it.each(NUMBERS.flatMap(({ name }) => NOT_NUMBERS.map((value) => ({ name, value }))))(
    'F18, F19, F20: $name=$value is refused with its bounds',
    ({ name, value }) => {
      const faults = faultsOf(() => parseSettings({ [name]: value }));

      expect(faults).toEqual([
        expect.stringMatching(new RegExp(`^${name}: must be an integer from \\d+ to \\d+$`)),
      ]);
    },
  );

  it.each(NUMBERS.filter(({ name }) => name !== 'MANAGEMENT_PORT'))(
    'F19: $name= is refused, since nobody can tell what was meant',
    ({ name, min, max }) => {
      expect(faultsOf(() => parseSettings({ [name]: '' }))).toEqual([
        `${name}: is empty, must be an integer from ${min} to ${max}, or not set at all`,
      ]);
    },
  );

  it.each(
    NUMBERS.flatMap(({ name, min, max }) => [
      { name, value: min - 1 },
      { name, value: max + 1 },
    ]),
  )('F18, F19: $name=$value, just outside, is refused', ({ name, value }) => {
    expect(faultsOf(() => parseSettings({ [name]: String(value) }))).toHaveLength(1);
  });

  it.each(
    NUMBERS.flatMap(({ name, min, max }) => [
      { name, value: min },
      { name, value: max },
    ]),
  )('$name=$value, just inside, is taken', ({ name, value }) => {
    const result = environmentSchema.safeParse({ [name]: String(value) });

    expect(result.data).toHaveProperty(name, value);
  });

  it('F18: never exceeds what a timer can wait', () => {
    expect(Math.max(...NUMBERS.map(({ max }) => max))).toBeLessThan(LONGEST_TIMER_MS);
  });

  it('F18 control: that exceeded it would be over at once', async () => {
    const warned = once(process, 'warning');
    const startedAt = performance.now();

    await delay(LONGEST_TIMER_MS);

    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(String(await warned)).toContain('TimeoutOverflowWarning');
  });

  it('F19: of zero is refused wherever it would mean for ever or nothing at all', () => {
    const zero = NUMBERS.filter(({ min }) => min === 0).map(({ name }) => name);

    expect(zero).toEqual([
      'PORT',
      'MANAGEMENT_PORT',
      'MIGRATION_LOCK_TIMEOUT_MS',
      'MIGRATION_LOCK_RETRY_MS',
      'MIGRATION_STATEMENT_TIMEOUT_MS',
      'DB_MAX_OVERFLOW',
      'DB_PRE_PING_IDLE_MS',
      'DB_LEAK_THRESHOLD_MS',
      'DB_SLOW_QUERY_MS',
      'SHUTDOWN_DRAIN_MS',
      'SHUTDOWN_GRACE_MS',
    ]);
  });
});
