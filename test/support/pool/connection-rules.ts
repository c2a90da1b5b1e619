import type { ConnectionClosed, PingEnded, RetireReason } from '#database/database-observer.ts';
import type { FakeConnection } from './fake-connection.ts';
import { must, mustEqual } from './must.ts';
import type { At } from './pool-events.ts';
import type { PoolWorld } from './pool-world.ts';
import { unseen } from './unseen.ts';

/** What is true of connections: told of once each way, closed for a reason that is so, pinged when it is due. */
export class ConnectionRules {
  readonly #world: PoolWorld;
  readonly #closed = new Set<number | undefined>();
  readonly #unseenClosed: () => readonly At<ConnectionClosed>[];
  readonly #unseenPings: () => readonly At<PingEnded>[];
  readonly #faults: string[] = [];

  constructor(world: PoolWorld) {
    this.#world = world;
    this.#unseenClosed = unseen(world.events.closed);
    this.#unseenPings = unseen(world.events.pings);
    world.server.onSent.push((connection, what) => this.#sent(connection, what));
  }

  check(): void {
    const { server, events } = this.#world;
    mustEqual('connections opened', events.opened.length, server.connections.length);
    for (const event of this.#unseenClosed()) {
      this.#checkClosed(event);
    }
    const gone = server.connections.filter(({ isOpen, isGivenUp }) => !isOpen || isGivenUp);
    mustEqual('connections closed', this.#closed.size, gone.length);
    for (const event of this.#unseenPings()) {
      this.#checkPing(event);
    }
    const [fault] = this.#faults;
    must(fault === undefined, () => fault ?? '');
  }

  #checkClosed({ pid, reason, ageMs, at }: At<ConnectionClosed>): void {
    const connection = this.#world.server.connections.find((one) => one.pid === pid);
    must(connection !== undefined && !this.#closed.has(pid), () => `${pid} was closed twice`);
    this.#closed.add(pid);
    must(
      this.#isTrue(reason, connection, ageMs, at),
      () => `connection ${pid} was closed for ${reason} after ${ageMs} ms`,
    );
  }

  #isTrue(
    reason: RetireReason,
    { pid, diedOf, isDoubtful, era, provenAt }: FakeConnection,
    ageMs: number,
    at: number,
  ): boolean {
    const { server, settings, closing, events } = this.#world;
    switch (reason) {
      case 'idle':
        return ageMs >= settings.idleTimeoutMs;
      case 'lifetime':
        return ageMs >= settings.maxLifetimeMs * 0.9;
      case 'broken':
        return diedOf !== undefined || isDoubtful;
      case 'timeout':
        return diedOf === 'timeout';
      case 'evicted':
      case 'failover':
        return era < server.era;
      case 'shutdown':
        return closing !== undefined;
      case 'failed_ping':
        return events.pings.some(
          (ping) =>
            ping.outcome === 'failed' &&
            ping.at === at &&
            (ping.pid === pid || provenAt <= at - ping.durationMs),
        );
      case 'dirty':
        return true;
    }
  }

  #checkPing({ pid, outcome, durationMs, at }: At<PingEnded>): void {
    const { server, settings, idle } = this.#world;
    const pinged = server.connections.find((one) => one.pid === pid);
    const startedAt = at - durationMs;
    must(
      outcome === 'ok' ||
        (pinged?.isOpen === false && pinged.diedOf !== undefined) ||
        (pinged?.pingAnsweredAt ?? 0) >= startedAt + settings.prePingTimeoutMs,
      () => `connection ${pid} was given up although its answer was there`,
    );
    must(
      outcome === 'ok' || !idle.some(({ provenAt }) => provenAt < startedAt),
      () => `a connection was kept that has said nothing since a ping of ${pid} failed`,
    );
  }

  #sent(connection: FakeConnection, what: 'ping' | 'reset'): void {
    const { settings, clock, server, holding, pending, preparing } = this.#world;
    const { pid, provenAt } = connection;
    const silentMs = clock.now() - provenAt;
    if (holding.some(({ lease }) => lease?.connection === connection)) {
      this.#faults.push(`a ${what} was sent over connection ${pid} while somebody held it`);
    }
    if (what === 'ping' && pending.length <= preparing.length + server.opening) {
      this.#faults.push(`connection ${pid} was pinged for nobody`);
    }
    if (what === 'ping' && (!settings.prePing || silentMs <= settings.prePingIdleMs)) {
      this.#faults.push(`connection ${pid} was pinged after ${silentMs} ms`);
    }
  }
}
