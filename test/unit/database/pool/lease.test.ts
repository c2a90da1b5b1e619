import { describe, expect, it } from 'vitest';
import { Lease } from '#database/pool/lease.ts';

function leaseOf() {
  const released: boolean[] = [];
  const lease = new Lease({
    connection: 'a connection',
    holder: { name: 'GET /users' },
    since: 7,
    generation: 3,
    onRelease: (_lease, mustDestroy) => void released.push(mustDestroy),
  });
  return { lease, released };
}

describe('a lease', () => {
  it('says what is held, by whom, since when, and in which generation of the pool', () => {
    const { lease } = leaseOf();

    expect(lease).toMatchObject({
      connection: 'a connection',
      holder: { name: 'GET /users' },
      since: 7,
      generation: 3,
    });
    expect([lease.isOver, lease.isLeaked]).toEqual([false, false]);
  });

  it('F1: is given back once, however often it is released', () => {
    const { lease, released } = leaseOf();

    lease.release();
    lease.release(true);
    lease.release();

    expect([lease.isOver, released]).toEqual([true, [false]]);
  });

  it('says when its connection must not be used again', () => {
    const { lease, released } = leaseOf();

    lease.release(true);

    expect(released).toEqual([true]);
  });

  it('F1: is not given back once it was taken away', () => {
    const { lease, released } = leaseOf();

    expect([lease.revoke(), lease.revoke()]).toEqual([true, false]);
    lease.release();

    expect([lease.isOver, released]).toEqual([true, []]);
  });
});
