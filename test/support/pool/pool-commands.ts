import * as fc from 'fast-check';
import type { DatabaseErrorCode } from '#database/database-error.ts';
import { RECLAIM_REASONS } from '#database/database-observer.ts';
import type { FakeConnection } from './fake-connection.ts';
import type { Answer, ServerManners } from './fake-connection.ts';
import type { Reception } from './fake-server.ts';
import type { PoolRules } from './pool-rules.ts';
import type { PoolWorld } from './pool-world.ts';

/** One thing that happens to a pool; afterwards every rule is checked. */
export type PoolCommand = fc.AsyncCommand<PoolRules, PoolWorld>;

type Act = (world: PoolWorld) => Promise<void> | void;

class Happening implements PoolCommand {
  readonly #words: string;
  readonly #act: Act;

  constructor(words: string, act: Act) {
    this.#words = words;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(rules: PoolRules, world: PoolWorld): Promise<void> {
    await this.#act(world);
    await world.clock.tick();
    rules.check();
  }

  toString(): string {
    return this.#words;
  }
}

/** Which of several, by a number that stays meaningful when the list shrinks. */
const which = fc.nat({ max: 5 });

function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(list.length, 1)];
}

function happening<A>(
  values: fc.Arbitrary<A>,
  words: (value: A) => string,
  act: (value: A) => Act,
) {
  return values.map((value): PoolCommand => new Happening(words(value), act(value)));
}

const CODES: readonly DatabaseErrorCode[] = [
  'DB_CONNECT_REFUSED',
  'DB_AUTH_FAILED',
  'DB_TOO_MANY_CONNECTIONS',
  'DB_CONNECTION_LOST',
];
const delay = fc.constantFrom(0, 0, 1, 30, 700);
const code = fc.constantFrom(...CODES);
const receptions: fc.Arbitrary<Reception> = fc.oneof(
  { weight: 3, arbitrary: delay.map((ms): Reception => ['ok', ms]) },
  {
    weight: 2,
    arbitrary: fc.tuple(delay, code).map(([ms, given]): Reception => ['fails', ms, given]),
  },
  { weight: 1, arbitrary: fc.constant<Reception>('silent') },
);
const answers: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 3, arbitrary: delay.map((ms): Answer => ['ok', ms]) },
  { weight: 1, arbitrary: delay.map((ms): Answer => ['fails', ms]) },
  { weight: 1, arbitrary: fc.constant<Answer>('silent') },
);
const sent = fc.constantFrom<keyof ServerManners>('ping', 'reset', 'close');
// Around every threshold of the settings.
const durations = fc.constantFrom(
  0,
  1,
  20,
  170,
  240,
  499,
  501,
  700,
  1100,
  2000,
  5100,
  10_500,
  61_000,
);
const isTrue = fc.boolean();

const acquire = happening(
  isTrue,
  (canAbort) => (canAbort ? 'acquire(with signal)' : 'acquire'),
  (canAbort) => (world) => void world.ask({ canAbort }),
);
const acquireMany = happening(
  fc.integer({ min: 2, max: 6 }),
  (count) => `acquire x ${count}`,
  (count) => (world) => {
    for (let index = 0; index < count; index += 1) {
      world.ask({ canAbort: true });
    }
  },
);
const giveBack = happening(
  fc.tuple(which, fc.constantFrom(false, false, false, true)),
  ([index, mustDestroy]) => `release(${index}${mustDestroy ? ', destroy' : ''})`,
  ([index, mustDestroy]) =>
    async (world) => {
      const borrower = pick(world.holding, index);
      await (borrower && world.giveBack(borrower, mustDestroy));
    },
);
const giveBackAgain = happening(
  fc.tuple(which, isTrue),
  ([index, mustDestroy]) => `release again(${index}${mustDestroy ? ', destroy' : ''})`,
  ([index, mustDestroy]) =>
    (world) => {
      const over = world.borrowers.filter(({ lease }) => lease?.isOver === true);
      pick(over, index)?.lease?.release(mustDestroy);
    },
);
const LEAVINGS: readonly (readonly [string, (connection: FakeConnection) => void])[] = [
  ['in a transaction', (connection) => void (connection.transaction = 'T')],
  ['in a failed transaction', (connection) => void (connection.transaction = 'E')],
  ['busy', (connection) => void (connection.isBusy = true)],
  ['to be reset', (connection) => void (connection.needsReset = true)],
  ['doubtful', (connection) => void (connection.isDoubtful = true)],
];
const giveBackDirty = happening(
  fc.tuple(which, fc.constantFrom(...LEAVINGS)),
  ([index, [words]]) => `release(${index}) ${words}`,
  ([index, [, leave]]) =>
    async (world) => {
      const borrower = pick(world.holding, index);
      if (borrower?.lease !== undefined) {
        leave(borrower.lease.connection);
        await world.giveBack(borrower);
      }
    },
);
const VICTIMS: readonly (readonly [string, (world: PoolWorld) => readonly FakeConnection[]])[] = [
  ['leased', ({ holding }) => holding.flatMap(({ lease }) => lease?.connection ?? [])],
  ['idle', ({ idle }) => idle],
  ['pinged or reset', ({ server }) => server.open.filter((one) => one.sent !== undefined)],
  ['closing', ({ server }) => server.open.filter(({ isGivenUp }) => isGivenUp)],
];
const dies = happening(
  fc.tuple(fc.constantFrom(...VICTIMS), which, fc.constantFrom(...RECLAIM_REASONS)),
  ([[words], index, reason]) => `a ${words} connection dies(${index}, ${reason})`,
  ([[, among], index, reason]) =>
    async (world) => {
      const connection = pick(among(world), index);
      await (connection && world.break(connection, reason));
    },
);
const goesBad = happening(
  which,
  (index) => `an idle connection becomes doubtful(${index})`,
  (index) => (world) => {
    const connection = pick(world.idle, index);
    if (connection !== undefined) {
      connection.isDoubtful = true;
    }
  },
);
const openFails = happening(
  fc.tuple(which, code),
  ([index, given]) => `an attempt to connect fails(${index}, ${given})`,
  ([index, given]) =>
    (world) => {
      const underWay = world.server.attempts.filter(({ endedAt }) => endedAt === undefined);
      pick(underWay, index)?.fail(given);
    },
);
const receives = happening(
  receptions,
  (reception) => `the server receives ${JSON.stringify(reception)}`,
  (reception) =>
    ({ server }) =>
      void (server.reception = reception),
);
const limits = happening(
  fc.constantFrom(0, 1, 2, Infinity),
  (limit) => `the server accepts at most ${limit}`,
  (limit) =>
    ({ server }) =>
      void (server.limit = limit),
);
const behaves = happening(
  fc.tuple(sent, answers),
  ([what, answer]) => `the server answers ${what} ${JSON.stringify(answer)}`,
  ([what, answer]) =>
    ({ server }) =>
      void (server.manners[what] = answer),
);
const timePasses = happening(
  durations,
  (ms) => `${ms} ms pass`,
  (ms) => (world) => world.clock.advance(ms),
);
const loopStalls = happening(
  durations,
  (ms) => `the event loop stalls for ${ms} ms`,
  (ms) => (world) => world.clock.stall(ms),
);
const aborts = happening(
  which,
  (index) => `a borrower goes away(${index})`,
  (index) => (world) =>
    pick(
      world.pending.filter(({ abort }) => abort !== undefined),
      index,
    )?.abort?.(),
);
const evicts = happening(
  fc.constantFrom('evicted' as const, 'failover' as const),
  (reason) => `evict(${reason})`,
  (reason) => (world) => world.evict(reason),
);
const starts = happening(
  fc.constant(undefined),
  () => 'start',
  () => (world) => world.start(),
);
const closes = happening(
  fc.constantFrom(0, 200, 3000),
  (graceMs) => `close(${graceMs})`,
  (graceMs) => (world) => world.close(graceMs),
);

/** What happens in every life of a pool. */
const EVERYDAY = [acquire, acquireMany, giveBack, giveBack, timePasses, timePasses];

/** What may happen to a pool, by subject: each life is a mixture of one of them with the everyday. */
export const LIVES = {
  'leases that end in every way': [giveBackAgain, giveBackDirty, dies, behaves, aborts],
  'a server that comes and goes': [receives, receives, openFails, limits, dies, starts, aborts],
  'idle connections that are pinged': [behaves, dies, goesBad, loopStalls, timePasses, evicts],
  'a pool that is closed': [giveBackDirty, receives, behaves, dies, aborts, evicts, closes],
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
    closes,
  ],
} as const satisfies Record<string, readonly fc.Arbitrary<PoolCommand>[]>;
export type Life = keyof typeof LIVES;

/** Lists of commands of one life. */
export function commandsOf(life: Life, maxCommands: number) {
  return fc.commands([...EVERYDAY, ...LIVES[life]], { maxCommands, size: 'max' });
}
