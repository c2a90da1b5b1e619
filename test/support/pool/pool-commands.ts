import * as fc from 'fast-check';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import { RECLAIM_REASONS } from '#database/database-observer.ts';
import type { Answer, FakeConnection, ServerManners } from './fake-connection.ts';
import type { Reception } from './fake-server.ts';
import type { PoolRules } from './pool-rules.ts';
import type { PoolWorld } from './pool-world.ts';

type PoolCommand = fc.AsyncCommand<PoolRules, PoolWorld>;

/** What would be done in this world now; undefined when there is nothing it could be done to. */
type Plan = (world: PoolWorld) => (() => Promise<void> | void) | undefined;

/** One thing that happens to a pool; afterwards every rule is checked. */
class Happening implements PoolCommand {
  readonly #words: string;
  readonly #plan: Plan;

  constructor(words: string, plan: Plan) {
    this.#words = words;
    this.#plan = plan;
  }

  check(rules: Readonly<PoolRules>): boolean {
    return this.#plan(rules.world) !== undefined;
  }

  async run(rules: PoolRules, world: PoolWorld): Promise<void> {
    await this.#plan(world)?.();
    await world.clock.tick();
    rules.check();
  }

  toString(): string {
    return this.#words;
  }
}

function happening<A>(
  values: fc.Arbitrary<A>,
  words: (value: A) => string,
  plan: (value: A) => Plan,
): fc.Arbitrary<PoolCommand> {
  return values.map((value) => new Happening(words(value), plan(value)));
}

/** Which of several, by a number that stays meaningful when the list of commands shrinks. */
const which = fc.nat({ max: 5 });

/** Does something to one of those there are, if there is any. */
function toOne<T>(
  those: (world: PoolWorld) => readonly T[],
  index: number,
  act: (one: T, world: PoolWorld) => Promise<void> | void,
): Plan {
  return (world) => {
    const all = those(world);
    const one = all[index % Math.max(all.length, 1)];
    return one === undefined ? undefined : () => act(one, world);
  };
}

const code = fc.constantFrom<DatabaseErrorCode>(
  'DB_CONNECT_REFUSED',
  'DB_AUTH_FAILED',
  'DB_TOO_MANY_CONNECTIONS',
  'DB_CONNECTION_LOST',
);
const delay = fc.constantFrom(0, 0, 1, 30, 700);
const receptions: fc.Arbitrary<Reception> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('ok' as const), delay) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('fails' as const), delay, code) },
  { weight: 1, arbitrary: fc.constant('silent' as const) },
);
const answers: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('ok' as const), delay) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fails' as const), delay) },
  { weight: 1, arbitrary: fc.constant('silent' as const) },
);
const said = (answer: Answer | Reception) => (answer === 'silent' ? answer : answer.join(' '));
// Around every threshold of the settings, and beyond.
const durations = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(1, 20, 170, 240, 499, 501) },
  { weight: 2, arbitrary: fc.constantFrom(501, 700, 1100, 2000, 5100, 10_500, 61_000) },
);

const acquire = happening(
  fc.boolean(),
  (canAbort) => (canAbort ? 'acquire with a signal' : 'acquire'),
  (canAbort) => (world) => () => void world.ask({ canAbort }),
);
const acquireMany = happening(
  fc.integer({ min: 2, max: 6 }),
  (count) => `acquire x ${count}`,
  (count) => (world) => () => {
    for (let index = 0; index < count; index += 1) {
      world.ask({ canAbort: true });
    }
  },
);
const giveBack = happening(
  fc.tuple(which, fc.constantFrom(false, false, true)),
  ([index, mustDestroy]) => `release${mustDestroy ? ' and destroy' : ''} (${index})`,
  ([index, mustDestroy]) =>
    toOne(
      ({ holding }) => holding,
      index,
      (borrower, world) => world.giveBack(borrower, mustDestroy),
    ),
);
const giveBackAll = happening(
  fc.constant(undefined),
  () => 'release all',
  () => (world) => () => world.giveBackAll(),
);
const giveBackAgain = happening(
  fc.tuple(which, fc.boolean()),
  ([index, mustDestroy]) => `release again${mustDestroy ? ' and destroy' : ''} (${index})`,
  ([index, mustDestroy]) =>
    toOne(
      ({ borrowers }) => borrowers.filter(({ lease }) => lease?.isOver === true),
      index,
      ({ lease }) => lease?.release(mustDestroy),
    ),
);
const LEAVINGS: readonly (readonly [string, (connection: FakeConnection) => void])[] = [
  ['in a transaction', (connection) => void (connection.transaction = 'T')],
  ['in a failed transaction', (connection) => void (connection.transaction = 'E')],
  ['busy', (connection) => void (connection.isBusy = true)],
  ['to be reset', (connection) => void (connection.isSessionChanged = true)],
  ['doubtful', (connection) => void (connection.isDoubtful = true)],
];
const giveBackDirty = happening(
  fc.tuple(which, fc.constantFrom(...LEAVINGS)),
  ([index, [words]]) => `release ${words} (${index})`,
  ([index, [, leave]]) =>
    toOne(
      ({ holding }) => holding,
      index,
      async (borrower, world) => {
        if (borrower.lease !== undefined) {
          leave(borrower.lease.connection);
        }
        await world.giveBack(borrower);
      },
    ),
);
const VICTIMS: readonly (readonly [string, (world: PoolWorld) => readonly FakeConnection[]])[] = [
  ['leased', ({ holding }) => holding.flatMap(({ lease }) => lease?.connection ?? [])],
  ['idle', ({ idle }) => idle],
  ['prepared', ({ server }) => server.open.filter(({ sent }) => sent !== undefined)],
  ['closing', ({ server }) => server.open.filter(({ isGivenUp }) => isGivenUp)],
];
const dies = happening(
  fc.tuple(fc.constantFrom(...VICTIMS), which, fc.constantFrom(...RECLAIM_REASONS)),
  ([[words], index, reason]) => `a ${words} connection dies of ${reason} (${index})`,
  ([[, victims], index, reason]) =>
    toOne(victims, index, (victim, world) => world.break(victim, reason)),
);
const goesBad = happening(
  which,
  (index) => `an idle connection becomes doubtful (${index})`,
  (index) =>
    toOne(
      ({ idle }) => idle,
      index,
      (connection) => void (connection.isDoubtful = true),
    ),
);
const openFails = happening(
  fc.tuple(which, code),
  ([index, given]) => `an attempt to connect fails with ${given} (${index})`,
  ([index, given]) =>
    toOne(
      ({ server }) => server.attempts.filter(({ endedAt }) => endedAt === undefined),
      index,
      ({ fail }) => fail(given),
    ),
);
const receives = happening(
  receptions,
  (reception) => `the server now receives: ${said(reception)}`,
  (reception) =>
    ({ server }) =>
    () =>
      void (server.reception = reception),
);
const limits = happening(
  fc.constantFrom(0, 1, 2, Infinity),
  (limit) => `the server now accepts at most ${limit}`,
  (limit) =>
    ({ server }) =>
    () =>
      void (server.limit = limit),
);
const behaves = happening(
  fc.tuple(fc.constantFrom<keyof ServerManners>('ping', 'reset', 'close'), answers),
  ([what, answer]) => `the server now answers ${what}: ${said(answer)}`,
  ([what, answer]) =>
    ({ server }) =>
    () =>
      void (server.manners[what] = answer),
);
const timePasses = happening(
  durations,
  (ms) => `${ms} ms pass`,
  (ms) => (world) => () => world.clock.advance(ms),
);
const loopStalls = happening(
  durations,
  (ms) => `the event loop stalls for ${ms} ms`,
  (ms) => (world) => () => world.clock.stall(ms),
);
const aborts = happening(
  which,
  (index) => `a borrower goes away (${index})`,
  (index) =>
    toOne(
      ({ pending }) => pending.flatMap(({ abort }) => abort ?? []),
      index,
      (abort) => abort(),
    ),
);
const evicts = happening(
  fc.constantFrom('evicted' as const, 'failover' as const),
  (reason) => `evict as ${reason}`,
  (reason) => (world) => () => world.evict(reason),
);
const starts = happening(
  fc.constant(undefined),
  () => 'start',
  () => (world) => () => world.start(),
);

/** What happens in every life of a pool. */
const EVERYDAY = [acquire, acquireMany, giveBack, giveBackAll, timePasses, timePasses];

/** What else may happen to a pool, by the subject of its life. */
export const LIVES = {
  'leases that end in every way': [giveBackAgain, giveBackDirty, dies, behaves, aborts],
  'a server that comes and goes': [receives, receives, openFails, limits, dies, starts, aborts],
  'idle connections that are pinged': [
    acquireMany,
    giveBackAll,
    behaves,
    dies,
    goesBad,
    loopStalls,
  ],
  'a close at any moment': [giveBackDirty, receives, behaves, dies, aborts, evicts],
  'everything at once': [
    giveBackAgain,
    giveBackDirty,
    dies,
    goesBad,
    openFails,
    receives,
    limits,
    behaves,
    loopStalls,
    aborts,
    evicts,
    starts,
  ],
} as const satisfies Record<string, readonly fc.Arbitrary<PoolCommand>[]>;
export type Life = keyof typeof LIVES;

/** Lists of commands of one life. */
export function commandsOf(life: Life, maxCommands: number) {
  return fc.commands([...EVERYDAY, ...LIVES[life]], { maxCommands, size: 'max' });
}
