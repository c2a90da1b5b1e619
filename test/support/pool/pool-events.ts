import type {
  AcquireEnded,
  ConnectionClosed,
  ConnectionOpened,
  DatabaseObserver,
  LeakReturned,
  LeaseEnded,
  LeaseLeaked,
  LeaseReclaimed,
  PingEnded,
} from '#database/database-observer.ts';
import type { Clock } from '#database/pool/clock.ts';

/** An event and the time at which it was told. */
export type At<E> = E & { readonly at: number };

/** What a pool has told, by event, in the order in which it did. */
export class PoolEvents implements DatabaseObserver {
  readonly acquires: At<AcquireEnded>[] = [];
  readonly leasesEnded: At<LeaseEnded>[] = [];
  readonly reclaims: At<LeaseReclaimed>[] = [];
  readonly leaks: At<LeaseLeaked>[] = [];
  readonly leaksReturned: At<LeakReturned>[] = [];
  readonly pings: At<PingEnded>[] = [];
  readonly opened: At<ConnectionOpened>[] = [];
  readonly closed: At<ConnectionClosed>[] = [];
  readonly acquireEnded: (event: AcquireEnded) => void;
  readonly leaseEnded: (event: LeaseEnded) => void;
  readonly leaseReclaimed: (event: LeaseReclaimed) => void;
  readonly leaseLeaked: (event: LeaseLeaked) => void;
  readonly leakReturned: (event: LeakReturned) => void;
  readonly pingEnded: (event: PingEnded) => void;
  readonly connectionOpened: (event: ConnectionOpened) => void;
  readonly connectionClosed: (event: ConnectionClosed) => void;

  constructor(clock: Clock) {
    const into =
      <E extends object>(list: At<E>[]) =>
      (event: E) =>
        void list.push({ ...event, at: clock.now() });
    this.acquireEnded = into(this.acquires);
    this.leaseEnded = into(this.leasesEnded);
    this.leaseReclaimed = into(this.reclaims);
    this.leaseLeaked = into(this.leaks);
    this.leakReturned = into(this.leaksReturned);
    this.pingEnded = into(this.pings);
    this.connectionOpened = into(this.opened);
    this.connectionClosed = into(this.closed);
  }
}
