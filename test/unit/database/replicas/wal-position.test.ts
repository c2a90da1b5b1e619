import { describe, expect, it } from 'vitest';
import { parseWalPosition } from '#database/replicas/wal-position.ts';

describe('a position in the write-ahead log', () => {
  it.each([
    ['0/0', 0n],
    ['0/3000060', 0x3000060n],
    ['1/0', 0n + (1n << 32n)],
    ['FFFFFFFF/FFFFFFFF', (1n << 64n) - 1n],
  ])('%s is read as the bytes before it', (text, bytes) => {
    expect(parseWalPosition(text)).toBe(bytes);
  });

  it.each([
    ['0/3000028', 0x3000000n],
    ['0/3002018', 0x3002000n],
    ['0/3002000', 0x3002000n],
    ['0/3002030', 0x3002030n],
  ])('%s is where its page begins when only the header is in between', (text, bytes) => {
    expect(parseWalPosition(text)).toBe(bytes);
  });

  it.each(['', '/', '0/', '/0', '0/g', '0/a', '123456789/0', '0/123456789', '0/0 ', '-1/0'])(
    '%j is none',
    (text) => {
      expect(parseWalPosition(text)).toBeUndefined();
    },
  );
});
