import { expect, it } from 'vitest';
import { PrimaryTrail } from '#database/replicas/primary-trail.ts';

it('a server misses nothing while nothing is known of the primary, or no more than it has', () => {
  const trail = new PrimaryTrail();

  const before = trail.missingMs(0n, 1000);
  trail.note(10n, 1000);

  expect(before).toBe(0);
  expect(trail.missingMs(10n, 60_000)).toBe(0);
});

it('a server misses something since the primary was first seen past what it has', () => {
  const trail = new PrimaryTrail();

  trail.note(10n, 1000);
  trail.note(20n, 2000);
  trail.note(20n, 3000);
  trail.note(30n, 4000);

  expect(trail.missingMs(10n, 5000)).toBe(3000);
  expect(trail.missingMs(25n, 5000)).toBe(1000);
  expect(trail.missingMs(5n, 5000)).toBe(4000);
});

it('what was known of a primary is forgotten when another one, further back, takes its place', () => {
  const trail = new PrimaryTrail();

  trail.note(100n, 1000);
  trail.note(50n, 2000);

  expect(trail.missingMs(50n, 9000)).toBe(0);
  expect(trail.missingMs(40n, 9000)).toBe(7000);
});

it('ten minutes of looks are remembered', () => {
  const trail = new PrimaryTrail();

  for (let at = 1; at <= 1000; at += 1) {
    trail.note(BigInt(at), at * 1000);
  }

  expect(trail.missingMs(0n, 1_000_000)).toBe(599_000);
});
