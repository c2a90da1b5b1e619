import { format, inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { Secret } from '#config/secret.ts';

describe('a secret', () => {
  const secret = new Secret('c4n4ry');

  it('gives its value to who asks for it', () => {
    expect(secret.reveal()).toBe('c4n4ry');
  });

  it.each([
    ['conversion to text', String(secret)],
    ['a joined list', ['', secret].join(' ')],
    ['JSON', JSON.stringify({ secret })],
    ['inspection', inspect({ secret }, { showHidden: true, depth: null })],
    ['a format', format('%s %o %O %j', secret, secret, secret, secret)],
    ['a copy', JSON.stringify(structuredClone({ copy: Object.assign({}, secret) }))],
  ])('does not show it in %s', (_, shown) => {
    expect(shown).not.toContain('c4n4ry');
  });
});
