import * as fc from 'fast-check';
import type { PoolSettings } from '#database/pool/pool.ts';
import { seededRandom } from '#test/support/chaos/seeded-random.ts';
import { commandsOf } from './pool-commands.ts';
import type { Life } from './pool-commands.ts';
import { PoolRules } from './pool-rules.ts';
import { PoolWorld } from './pool-world.ts';
import type { BuildPool } from './pool-world.ts';

const MAX_COMMANDS = 30;
/** At the end every pool is closed with this grace, and gets this much time for it. */
const GRACE_MS = 500;
const END_MS = 3000 + 500 + 100;

const settings: fc.Arbitrary<Partial<PoolSettings>> = fc.record({
  poolSize: fc.integer({ min: 1, max: 3 }),
  maxOverflow: fc.integer({ min: 0, max: 2 }),
  queueLimit: fc.constantFrom(0, 1, 3, 100),
  acquireTimeoutMs: fc.constantFrom(300, 2000),
  connectTimeoutMs: fc.constantFrom(250, 1000),
  idleTimeoutMs: fc.constantFrom(1000, 10_000),
  maxLifetimeMs: fc.constantFrom(6000, 60_000),
  prePing: fc.boolean(),
  prePingIdleMs: fc.constantFrom(0, 500),
  prePingTimeoutMs: fc.constantFrom(100, 500),
  leakThresholdMs: fc.constantFrom(0, 1000),
});

/** Every rule holds for a pool of any settings after each of the commands of this life, and at its end. */
export function poolProperty(life: Life, build?: BuildPool) {
  return fc.asyncProperty(
    settings,
    fc.nat(),
    commandsOf(life, MAX_COMMANDS),
    async (given, seed, commands) => {
      const world = new PoolWorld(given, seededRandom(seed), build);
      const rules = new PoolRules(world);
      await fc.asyncModelRun(() => ({ model: rules, real: world }), commands);
      await world.close(GRACE_MS);
      rules.check();
      await world.clock.advance(END_MS);
      rules.check();
    },
  );
}
