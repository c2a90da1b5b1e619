import { describe, expect, it } from 'vitest';

import { unprivilegedUser } from '#database/embedded/server-user.ts';

describe('the user that runs the server for root', () => {
  it('is postgres where the system has one', () => {
    const passwd = 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:\npostgres:x:101:104::/:\n';

    expect(unprivilegedUser(passwd)).toEqual({ uid: 101, gid: 104 });
  });

  it('is _postgres on macOS, whose nobody has a negative id', () => {
    const passwd = 'nobody:*:-2:-2::/var/empty:\n_postgres:*:216:216::/var/empty:\n';

    expect(unprivilegedUser(passwd)).toEqual({ uid: 216, gid: 216 });
  });

  it('is nobody where there is no postgres', () => {
    expect(unprivilegedUser('nobody:x:65534:65533::/:')).toEqual({ uid: 65_534, gid: 65_533 });
  });

  it('is none where the only candidates are root in disguise or damaged', () => {
    expect(unprivilegedUser('postgres:x:0:0::/:\nnobody:x::::\n')).toBeUndefined();
    expect(unprivilegedUser('')).toBeUndefined();
  });
});
