import { readFile, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '#test/support/chaos/keep-alive-client.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';

const times = { sentAt: 1, endedAt: 3 };
const answer = (status: number, code?: string): Exchange => ({
  ...times,
  kind: 'answer',
  status,
  headers: {},
  body: { code },
});
const broken: Exchange = { ...times, kind: 'broken', code: 'ECONNRESET' };
const refused: Exchange = { ...times, kind: 'refused' };

describe('the acknowledged-write checker', () => {
  it('calls a write lost that was acknowledged and is missing', () => {
    const history = new WriteHistory(1);
    history.add('kept', answer(201));
    history.add('gone', answer(201));

    expect(history.verify(['kept'])).toEqual({ lost: ['gone'], phantom: [], duplicate: [] });
  });

  it('calls a write a phantom that was refused, or never sent, and is there', () => {
    const history = new WriteHistory(1);
    history.add('refused', refused);
    history.add('failed', answer(503, 'DB_CONNECTION_LOST'));
    history.add('conflict', answer(409, 'DB_UNIQUE'));

    const { phantom } = history.verify(['refused', 'failed', 'conflict']);

    expect(phantom).toEqual(['refused', 'failed', 'conflict']);
  });

  it('calls a write a duplicate that is there twice', () => {
    const history = new WriteHistory(1);
    history.add('twice', answer(201));

    expect(history.verify(['twice', 'twice']).duplicate).toEqual(['twice']);
  });

  it('holds nothing against a write whose outcome nobody was told', () => {
    const history = new WriteHistory(1);
    history.add('there', broken);
    history.add('missing', broken);
    history.add('commit', answer(500, 'DB_COMMIT_UNKNOWN'));

    expect(history.verify(['there', 'commit'])).toEqual({ lost: [], phantom: [], duplicate: [] });
    expect(history.count('unknown')).toBe(3);
  });

  it('writes the run down with its seed, so that it can be replayed', async () => {
    const history = new WriteHistory(42);
    history.add('kept', answer(201));

    const path = await history.save();
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    await rm(path);

    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { seed: 42 },
      { id: 'kept', outcome: 'ok', ending: '201', ...times },
    ]);
  });
});
