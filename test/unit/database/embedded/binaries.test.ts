import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { findBinaries, parseLinks } from '#database/embedded/binaries.ts';

describe('the programs', () => {
  it('of PostgreSQL 18 are found in the package of this platform', () => {
    const found = findBinaries(undefined);

    expect(found.major).toBe(18);
    expect([found.initdb, found.postgres].every((path) => existsSync(path))).toBe(true);
  });

  it('are not there for a platform without a package, which is told to set DATABASE_URL', () => {
    expect(() => findBinaries(undefined, 'plan9-mips')).toThrow(
      /no PostgreSQL for plan9-mips .*set DATABASE_URL/u,
    );
  });
});

describe('the list of links', () => {
  it('is read as the package writes it', () => {
    const link = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' };

    expect(parseLinks(JSON.stringify([link]))).toEqual([link]);
  });

  it('is refused when a link leads out of the folder of libraries', () => {
    const links = [
      { source: '../../x', target: 'native/lib/x' },
      { source: 'native/lib/x', target: 'native/lib/../../../x' },
      { source: 'native/lib/x' },
      'native/lib/x',
    ];

    for (const link of links)
      expect(() => parseLinks(JSON.stringify([link]))).toThrow('leaves its folder');
    expect(() => parseLinks('{}')).toThrow('not a list');
  });
});
