import { AsyncResource } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseSessionManager, getDb } from '#database/session-manager.ts';
import { entities } from '#entities.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const SESSIONS = 1000;

let database: TestDatabase;
let sessions: DatabaseSessionManager;
/** Whose acquire and whose lease the pool told of, each with the trace id that was told with it. */
let told: string[];

beforeAll(async () => {
  database = await TestDatabase.create();
  sessions = new DatabaseSessionManager();
  told = [];
  await sessions.init(
    database.options({
      entities,
      queueLimit: 2 * SESSIONS,
      acquireTimeoutMs: 60_000,
      leakThresholdMs: 0,
      observer: {
        acquireEnded: ({ holder, scope }) => void told.push(`acquire ${holder} ${scope?.traceId}`),
        leaseEnded: ({ holder, scope }) => void told.push(`lease ${holder} ${scope?.traceId}`),
      },
    }),
  );
});

afterEach(async () => {
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

/** Who the present code runs for, by the current session and by what the server knows of its transaction. */
async function whoAmI(): Promise<string> {
  const [row] = await getDb().execute<{ who: string }[]>(
    `select current_setting('tidegauge.who') as who`,
  );
  return row?.who ?? 'nobody';
}

/** All sessions share it: what one emits, the listeners of all hear. */
const shared = new EventEmitter().setMaxListeners(0);

/** The ways in which code comes to run later, each ending in the question. */
const WAYS: Readonly<Record<string, (id: string) => Promise<string>>> = {
  'an await': async () => {
    await nextTurn();
    return await whoAmI();
  },
  'a timer': async () => {
    await delay(Math.random() * 5);
    return await whoAmI();
  },
  'a callback of a timer': () =>
    new Promise((resolve, reject) => {
      setTimeout(() => void whoAmI().then(resolve, reject), Math.random() * 5);
    }),
  'a microtask': () =>
    new Promise((resolve, reject) => {
      queueMicrotask(() => void whoAmI().then(resolve, reject));
    }),
  'a stream': async () => {
    const seen: string[] = [];
    await pipeline(Readable.from(['one', 'two']), async (chunks: AsyncIterable<string>) => {
      for await (const _chunk of chunks) seen.push(await whoAmI());
    });
    return [...new Set(seen)].join();
  },
  'an emitter of its own': async () => {
    const emitter = new EventEmitter();
    const heard = new Promise<string>((resolve, reject) => {
      emitter.once('asked', () => void whoAmI().then(resolve, reject));
    });
    emitter.emit('asked');
    return await heard;
  },
  'a shared emitter that somebody else lets speak, bound': async (id) => {
    const heard = new Promise<string>((resolve, reject) => {
      shared.once(
        id,
        AsyncResource.bind(() => void whoAmI().then(resolve, reject)),
      );
    });
    shared.emit('wanted', id);
    return await heard;
  },
  'a shared emitter that is awaited': async (id) => {
    const heard = once(shared, id);
    shared.emit('wanted', id);
    await heard;
    return await whoAmI();
  },
  'statements at once': async () => {
    const seen = await Promise.all([whoAmI(), whoAmI(), whoAmI()]);
    return [...new Set(seen)].join();
  },
};

/** Lets the shared emitter speak to whoever wants it, in the context of nobody. */
function speak(): () => void {
  const wanted: string[] = [];
  shared.on('wanted', (id: string) => void wanted.push(id));
  const timer = setInterval(() => {
    for (const id of wanted.splice(0)) shared.emit(id);
  }, 1);
  return () => {
    clearInterval(timer);
    shared.removeAllListeners();
  };
}

const traceIdOf = (id: string) => id.padStart(32, '0');

const sessionOf = (id: string, work: () => Promise<string>) =>
  sessions.session(
    async (db) => {
      await db.execute(`select set_config('tidegauge.who', ?, true)`, [id]);
      return { answer: await work(), isOwn: getDb() === db };
    },
    { name: id, scope: { traceId: traceIdOf(id) } },
  );

describe(`${SESSIONS} sessions at once`, { timeout: 120_000 }, () => {
  it('F40: are each themselves in every await, timer, stream and event, and in what the pool tells: 0 cross-talk', async () => {
    const stop = speak();
    const ways = Object.values(WAYS);
    told.length = 0;

    const seen = await Promise.all(
      Array.from({ length: SESSIONS }, async (_unused, index) => {
        const id = `session${index}`;
        const way = ways[index % ways.length] ?? WAYS['an await'];
        const { answer, isOwn } = await sessionOf(id, async () => (await way?.(id)) ?? '');
        return { id, answer, isOwn };
      }),
    );

    stop();
    expect(seen.filter(({ id, answer, isOwn }) => answer !== id || !isOwn)).toEqual([]);
    expect(told.toSorted()).toEqual(
      seen
        .flatMap(({ id }) => [`acquire ${id} ${traceIdOf(id)}`, `lease ${id} ${traceIdOf(id)}`])
        .toSorted(),
    );
  });

  it('F40: would be noticed to be somebody else: a listener that is not bound runs for whoever speaks', async () => {
    const outcome = await sessionOf('speaker', async () => {
      const asked = new Promise<string>((resolve, reject) => {
        shared.once('asked', () => void whoAmI().then(resolve, reject));
      });
      await sessionOf('other', () => {
        shared.emit('asked');
        return asked;
      });
      return await asked;
    });

    expect(outcome.answer).toBe('other');
  });
});
