import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import { prepareDatabase } from '#database/prepare-database.ts';

const away = (code: DatabaseErrorCode) => new DatabaseError(code, 'away');

describe('preparing a database', () => {
  it('is tried again until the server is there, and each new reason is told once', async () => {
    const outcomes = [
      away('DB_CONNECT_REFUSED'),
      away('DB_CONNECT_REFUSED'),
      away('DB_UNAVAILABLE'),
    ];
    const told: string[] = [];
    let attempts = 0;

    await prepareDatabase({
      prepare: () => {
        const outcome = outcomes[attempts];
        attempts += 1;
        return outcome === undefined ? Promise.resolve() : Promise.reject(outcome);
      },
      onWaiting: ({ code }) => void told.push(code),
      signal: new AbortController().signal,
    });

    expect(attempts).toBe(4);
    expect(told).toEqual(['DB_CONNECT_REFUSED', 'DB_UNAVAILABLE']);
  });

  it.each([away('DB_SCHEMA'), new Error('of a migration')])(
    'fails at once when waiting does not mend it: %s',
    async (error) => {
      let attempts = 0;
      const prepare = () => {
        attempts += 1;
        return Promise.reject(error);
      };

      const prepared = prepareDatabase({
        prepare,
        onWaiting: () => expect.unreachable('nobody waits for this'),
        signal: new AbortController().signal,
      });

      await expect(prepared).rejects.toBe(error);
      expect(attempts).toBe(1);
    },
  );

  it('is given up when the service stops, without an error', async () => {
    const stopping = new AbortController();

    await prepareDatabase({
      prepare: () => Promise.reject(away('DB_CONNECT_REFUSED')),
      onWaiting: () => stopping.abort(),
      signal: stopping.signal,
    });

    expect(stopping.signal.aborted).toBe(true);
  });

  it('that ends with the reason of the stop is given up, too', async () => {
    const stopping = new AbortController();

    const prepared = prepareDatabase({
      prepare: () => {
        stopping.abort();
        return Promise.reject(stopping.signal.reason);
      },
      onWaiting: () => expect.unreachable('nobody waits for this'),
      signal: stopping.signal,
    });

    await expect(prepared).resolves.toBeUndefined();
  });

  it('that fails while the service stops is told nevertheless', async () => {
    const stopping = new AbortController();
    const error = away('DB_SCHEMA');

    const prepared = prepareDatabase({
      prepare: () => {
        stopping.abort();
        return Promise.reject(error);
      },
      onWaiting: () => expect.unreachable('nobody waits for this'),
      signal: stopping.signal,
    });

    await expect(prepared).rejects.toBe(error);
  });
});
