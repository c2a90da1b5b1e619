import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const SLOTS = 5;
const ACQUIRE_TIMEOUT_MS = 500;

let database: TestDatabase;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create();
  await database.query('create table marks (mark text not null)');
  sessions = new DatabaseSessionManager();
  await sessions.init(
    database.options({ poolSize: SLOTS, maxOverflow: 0, acquireTimeoutMs: ACQUIRE_TIMEOUT_MS }),
  );
});

afterEach(async () => {
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

/** The marks of one run. */
const marksOf = async (run: string) =>
  await sessions.session(
    async (db) =>
      (
        await db.execute<{ mark: string }[]>(
          'select mark from marks where split_part(mark, ?, 1) = ?',
          ['.', run],
        )
      ).map(({ mark }) => mark),
    { readOnly: true },
  );

describe('a pool of five whose five sessions each want a second connection', () => {
  it('F36: is no deadlock: who gets none is refused within the acquire timeout, and the pool is as before', async () => {
    const everybody = Promise.withResolvers<void>();
    let holding = 0;
    const startedAt = performance.now();
    const work = (_unused: unknown, index: number) =>
      sessions.session(async (db) => {
        await db.execute('insert into marks values (?)', [`outer.${index}`]);
        holding += 1;
        if (holding === SLOTS) everybody.resolve();
        await everybody.promise;
        await sessions.transaction((inner) => inner.execute('select 1'), { propagation: 'new' });
      });

    const outcomes = await Promise.allSettled(Array.from({ length: SLOTS }, work));

    // The first one that gives up frees a connection, which is enough for the others.
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused).toEqual(
      refused.map(() => ({
        status: 'rejected',
        reason: expect.objectContaining({ code: 'DB_POOL_TIMEOUT' }),
      })),
    );
    expect(performance.now() - startedAt).toBeLessThan(10 * ACQUIRE_TIMEOUT_MS);
    expect(await marksOf('outer')).toHaveLength(SLOTS - refused.length);
    expect(await sessions.session((db) => db.execute('select 1 as one'))).toEqual([{ one: 1 }]);
  });
});

/** One transaction: what it does before and after its inner ones, and how it takes their failures. */
interface Step {
  readonly propagation: 'nested' | 'new';
  readonly throws: 'before' | 'after' | 'never';
  readonly isForgiving: boolean;
  readonly inner: readonly Step[];
}

const step = (depth: number): fc.Arbitrary<Step> =>
  fc.record({
    propagation: fc.constantFrom('nested', 'nested', 'new'),
    throws: fc.constantFrom('never', 'never', 'before', 'after'),
    isForgiving: fc.boolean(),
    inner: depth === 0 ? fc.constant([]) : fc.array(step(depth - 1), { maxLength: 2 }),
  });

class Thrown extends Error {}

/** Runs the step for real; `path` names it. */
async function run({ throws, inner, isForgiving }: Step, path: string): Promise<void> {
  const mark = (what: string) =>
    sessions.transaction((db) => db.execute('insert into marks values (?)', [`${path} ${what}`]));
  await mark('begins');
  if (throws === 'before') throw new Thrown(path);
  for (const [index, next] of inner.entries()) {
    const name = `${path}${index}.`;
    await sessions
      .transaction(() => run(next, name), { propagation: next.propagation })
      .catch((error: unknown) => {
        if (!isForgiving || !(error instanceof Thrown)) throw error;
      });
  }
  await mark('ends');
  if (throws === 'after') throw new Thrown(path);
}

/** What the step leaves behind: for good whatever happens around it, and with the transaction around it. */
interface Left {
  readonly forGood: readonly string[];
  readonly within: readonly string[];
  readonly hasThrown: boolean;
}

function expected({ throws, inner, isForgiving }: Step, path: string): Left {
  const forGood: string[] = [];
  const within = [`${path} begins`];
  const failed = (): Left => ({ forGood, within: [], hasThrown: true });
  if (throws === 'before') return failed();
  for (const [index, next] of inner.entries()) {
    const left = expected(next, `${path}${index}.`);
    forGood.push(...left.forGood);
    (next.propagation === 'new' ? forGood : within).push(...left.within);
    if (left.hasThrown && !isForgiving) return failed();
  }
  within.push(`${path} ends`);
  return throws === 'after' ? failed() : { forGood, within, hasThrown: false };
}

describe('transactions three deep that throw at random, 1,000 times', () => {
  it('F36: leave exactly the rows of the model', { timeout: 120_000 }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(step(2), async (outermost) => {
        runs += 1;
        const path = `${runs}.`;
        const left = expected(outermost, path);

        const work = sessions.session(() => run(outermost, path));

        const hasThrown = await work.then(
          () => false,
          (error: unknown) => error instanceof Thrown,
        );
        expect(hasThrown).toBe(left.hasThrown);
        expect((await marksOf(`${runs}`)).toSorted()).toEqual(
          [...left.forGood, ...left.within].toSorted(),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
