import { AcquireRules } from './acquire-rules.ts';
import { ConnectionRules } from './connection-rules.ts';
import { GateRules } from './gate-rules.ts';
import { LeaseRules } from './lease-rules.ts';
import { must, mustEqual } from './must.ts';
import type { PoolWorld } from './pool-world.ts';

/** What `close` may take above its grace. */
const CLOSE_MARGIN_MS = 100;

/**
 * What is true of every pool at every moment, whatever happened before. The accounts are kept from what can be seen from
 * outside, promises, events and what the server counts; nothing is taken from the pool that is judged by them.
 */
export class PoolRules {
  readonly world: PoolWorld;
  readonly #acquires: AcquireRules;
  readonly #leases: LeaseRules;
  readonly #connections: ConnectionRules;
  readonly #gate: GateRules;
  #usedMs = 0;
  #exhaustedMs = 0;

  constructor(world: PoolWorld) {
    this.world = world;
    this.#acquires = new AcquireRules(world);
    this.#leases = new LeaseRules(world);
    this.#connections = new ConnectionRules(world);
    this.#gate = new GateRules(world);
    world.clock.onPass((ms) => {
      this.check();
      this.#usedMs += world.holding.length * ms;
      this.#exhaustedMs += world.holding.length === world.pool.max ? ms : 0;
    });
  }

  /** Throws for the first rule that is broken. Call when everything has happened that needs no time. */
  check(): void {
    this.#acquires.check();
    this.#checkFigures();
    this.#leases.check();
    this.#connections.check();
    this.#gate.check();
    this.#checkUse();
    this.#checkClose();
  }

  #checkFigures(): void {
    const { pool, server, clock, idle, preparing, holding, pending } = this.world;
    const stats = pool.stats();
    must(Object.isFrozen(stats), () => 'the figures are not frozen');
    mustEqual('used', stats.used, holding.length);
    mustEqual('waiting', stats.waiting, pending.length);
    mustEqual('idle', stats.idle, idle.length);
    mustEqual('connecting', stats.connecting, server.opening + preparing.length);
    mustEqual('total', stats.total, stats.idle + stats.used + stats.connecting);
    mustEqual('usedSeconds', stats.usedSeconds, this.#usedMs / 1000);
    mustEqual('exhaustedSeconds', stats.exhaustedSeconds, this.#exhaustedMs / 1000);
    mustEqual(
      'oldestWaitMs',
      stats.oldestWaitMs,
      pending[0] ? clock.now() - pending[0].askedAt : 0,
    );
    must(stats.total <= pool.max, () => `${stats.total} connections of at most ${pool.max}`);
    must(server.peak <= pool.max, () => `the server counted ${server.peak} of at most ${pool.max}`);
  }

  /** Nobody waits while something could be done for them, and the pool is as full as it can be. */
  #checkUse(): void {
    const { pool, server, clock, settings, pending, idle, isStarted, closing } = this.world;
    const sockets = server.open.length + server.opening;
    must(
      !isStarted || closing !== undefined || this.#gate.mayRefuse || sockets >= settings.poolSize,
      () => 'the pool is not refilled',
    );
    if (pending.length === 0) {
      return;
    }
    const { connecting } = pool.stats();
    const usable = idle.filter(({ isQuiet }) => isQuiet);
    const fresh = usable.filter(
      ({ provenAt }) => !settings.prePing || clock.now() - provenAt <= settings.prePingIdleMs,
    );
    const isEnough = connecting >= pending.length;
    must(fresh.length === 0, () => 'somebody waits although a connection is idle');
    must(usable.length === 0 || isEnough, () => 'somebody waits although one could be pinged');
    must(
      isEnough || sockets >= pool.max || this.#gate.mayRefuse,
      () => 'somebody waits although a connection could be opened',
    );
  }

  #checkClose(): void {
    const { closing, pending, server, clock } = this.world;
    if (closing === undefined) {
      return;
    }
    const { at, graceMs, isDone } = closing;
    const lateMs = clock.stalledMs - closing.stalledMs;
    mustEqual('waiting after close', pending.length, 0);
    must(
      isDone || clock.now() < at + graceMs + CLOSE_MARGIN_MS + lateMs,
      () => `close took longer than ${graceMs + CLOSE_MARGIN_MS} ms`,
    );
    if (isDone) {
      mustEqual('connections after close', server.open.length + server.opening, 0);
      mustEqual('timers after close', clock.timers, 0);
    }
  }
}
