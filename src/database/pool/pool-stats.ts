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
  /** Being opened. */
  readonly connecting: number;
  /** Borrowers in the queue. */
  readonly waiting: number;
  /** idle + used + connecting. */
  readonly total: number;
}
