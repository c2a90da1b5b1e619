import { describe, expect, it } from 'vitest';

import { fileFault, spawnFault, userFault } from '#database/embedded/embedded-fault.ts';

const fault = (code: string, path?: string): Error =>
  Object.assign(new Error(code), { code, path });

describe('a fault of the file system', () => {
  it('says which path and why, and is the user’s to remove', () => {
    expect(fileFault(fault('EACCES', '/closed/x'), '/closed')).toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        'embedded postgresql: /closed/x cannot be used: permission denied; make it writable for this user or set DATABASE_URL',
    });
    expect(fileFault(fault('ENAMETOOLONG'), '/long')).toMatchObject({
      message: expect.stringContaining('/long cannot be used: ENAMETOOLONG'),
    });
  });

  it('is the machine’s where the disk is full', () => {
    expect(fileFault(fault('ENOSPC'), '/full')).toMatchObject({
      code: 'DB_UNAVAILABLE',
      message: 'embedded postgresql: /full cannot be used: no space left on the device',
    });
  });

  it('is not made of anything else', () => {
    const others = [userFault('x'), new TypeError('bug: x'), fault('ERR_INVALID_ARG_TYPE'), 'text'];

    expect(others.map((error) => fileFault(error, '/'))).toEqual(others);
  });
});

describe('a program that the system does not run', () => {
  it('is reported with the user, the reason and the way out', () => {
    expect(spawnFault('/x/initdb', 101, fault('EPERM')).message).toMatch(
      /^embedded postgresql: \/x\/initdb cannot be run as the user 101: this root user .* set DATABASE_URL/u,
    );
    expect(spawnFault('/x/initdb', undefined, fault('EACCES')).message).toContain(
      '/x/initdb cannot be run: it may not',
    );
  });
});
