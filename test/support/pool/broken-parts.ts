import type { Clock } from '#database/pool/clock.ts';
import { Pool } from '#database/pool/pool.ts';
import type { BuildPool, Parts } from './pool-world.ts';

/** For negative controls: a pool some of whose parts are replaced by broken ones. */
export function withParts(broken: (parts: Parts) => Partial<Parts>): BuildPool {
  return (settings, parts) => new Pool(settings, { ...parts, ...broken(parts) });
}

/** For negative controls: a pool whose clock is the same but for this. */
export function withClock(broken: (clock: Clock) => Partial<Clock>): BuildPool {
  return withParts(({ clock }) => ({
    clock: {
      now: () => clock.now(),
      start: (work, ms, isBackground) => clock.start(work, ms, isBackground),
      afterIo: (work) => clock.afterIo(work),
      ...broken(clock),
    },
  }));
}
