import * as fc from 'fast-check';
import type { PoolSettings } from '#database/pool/pool.ts';
import { seededRandom } from '#test/support/chaos/seeded-random.ts';
import { commandsOf } from './pool-commands.ts';
import type { Life } from './pool-commands.ts';
import { PoolRules } from './pool-rules.ts';
import { PoolWorld } from './pool-world.ts';
import type { BuildPool } from './pool-world.ts';

const MAX_COMMANDS = 40;
const MAX_LAST_COMMANDS = 10;
/** Enough for the longest grace, and for what the rules allow above it. */
const END_MS = 4000;

const settings: fc.Arbitrary<Partial<PoolSettings>> = fc.record({
  poolSize: fc.integer({ min: 1, max: 3 }),
  maxOverflow: fc.integer({ min: 0, max: 2 }),
  queueLimit: fc.constantFrom(0, 1, 3, 100),
  acquireTimeoutMs: fc.constantFrom(300, 2000),
  connectTimeoutMs: fc.constantFrom(250, 1000),
  idleTimeoutMs: fc.constantFrom(1000, 10_000),
  maxLifetimeMs: fc.constantFrom(6000, 60_000),
  prePing: fc.constantFrom(true, true, false),
  prePingIdleMs: fc.constantFrom(0, 500),
  prePingTimeoutMs: fc.constantFrom(100, 500),
  leakThresholdMs: fc.constantFrom(0, 1000),
});

/** Every rule holds for a pool of any settings after each of the commands of this life, and until it is closed. */
export function poolProperty(life: Life, build?: BuildPool) {
  return fc.asyncProperty(
    settings,
    fc.nat(),
    commandsOf(life, MAX_COMMANDS),
    fc.constantFrom(0, 200, 3000),
    commandsOf(life, MAX_LAST_COMMANDS),
    async (given, seed, commands, graceMs, lastCommands) => {
      const world = new PoolWorld(given, seededRandom(seed), build);
      const rules = new PoolRules(world);
      await fc.asyncModelRun(() => ({ model: rules, real: world }), commands);
      await world.close(graceMs);
      rules.check();
      await fc.asyncModelRun(() => ({ model: rules, real: world }), lastCommands);
      await world.clock.advance(END_MS);
      rules.check();
    },
  );
}
