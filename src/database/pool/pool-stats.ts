/** A frozen picture of one pool at one moment. Counts are connections unless they say otherwise. */
export interface PoolStats {
  readonly name: string;
  /** Hard bound: pool size + overflow. */
  readonly max: number;
  /** Connections kept when there is no demand. */
  readonly size: number;
  readonly idle: number;
  /** Leased to a holder. */
  readonly used: number;
  /** Being opened, pinged or reset: nobody's yet. */
  readonly connecting: number;
  /** Borrowers in the queue, each of those for whom a connection is being opened included. */
  readonly waiting: number;
  /** idle + used + connecting. */
  readonly total: number;
  /** Milliseconds the first borrower of the queue has waited; 0 when nobody waits. */
  readonly oldestWaitMs: number;
  /** Milliseconds of the lease that is held longest; 0 when none is. */
  readonly oldestUseMs: number;
  /** Leases that are held for longer than the leak threshold now. */
  readonly leaked: number;
  /** Statements that are prepared now, of all connections together. */
  readonly prepared: number;
  /** Since the pool was made: the integral of `used` over time, in connection seconds. */
  readonly usedSeconds: number;
  /** Since the pool was made: seconds in which all of `max` were leased. */
  readonly exhaustedSeconds: number;
  /**
   * When the first certificate expires that the pool depends on, the server's chain or ours, in Unix time, milliseconds;
   * absent without TLS, and before the first connection.
   */
  readonly certificatesExpireAt?: number;
}

/** One leased connection and who has it. Times in milliseconds. */
export interface HolderStats {
  readonly name: string;
  readonly traceId: string | undefined;
  readonly heldMs: number;
  /** Process id of the server's backend. */
  readonly pid: number | undefined;
  readonly transaction: 'idle' | 'open' | 'failed' | 'unknown';
  /** Operation and table of the last statement: `SELECT users`. No literal, no value. */
  readonly lastQuery: string | undefined;
  /** How long its statement has run; undefined when none is under way. */
  readonly queryMs: number | undefined;
  /** Held for longer than the leak threshold. */
  readonly isLeaked: boolean;
  /** Where its holder began; undefined when leak detection is off. */
  readonly stack: string | undefined;
}

/** One borrower in the queue. */
export interface WaiterStats {
  readonly name: string;
  readonly traceId: string | undefined;
  readonly waitedMs: number;
}
