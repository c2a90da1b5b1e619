import type { ReclaimReason } from '#database/database-observer.ts';

/** One connection to the server, as the pool needs it; what is sent over it is none of the pool's business. */
export interface PhysicalConnection {
  /** Process id of the server's backend, undefined when it is not known. */
  readonly pid: number | undefined;
  /** Its socket is open and nothing is known against it. */
  readonly isAlive: boolean;
  /** Alive, without a statement under way, and outside any transaction (state `I`). */
  readonly isQuiet: boolean;
  /** What its last holder ran may have changed the state of the server session: `reset` before the next holder. */
  readonly needsReset: boolean;
  /** Statements it has prepared on the server. */
  readonly prepared: number;
  /** Resolves when the server has answered; the pool has the deadline. */
  ping(): Promise<void>;
  /** Makes the server session as new; the pool has the deadline. */
  reset(): Promise<void>;
  /** Says goodbye to the server, or closes the socket at once while a statement is under way; resolves when the socket is closed, at the latest after these milliseconds. Never rejects. */
  close(deadlineMs: number): Promise<void>;
  /** Closes the socket at once, whatever it is doing; resolves when it is closed. Never rejects. */
  destroy(): Promise<void>;
}

/** How a connection is opened. */
export interface OpenOptions<C> {
  /** Call once when the connection dies by itself, whoever holds it. */
  readonly onBroken: (connection: C, reason: ReclaimReason) => void;
  /** Aborted when the pool is closed for good. */
  readonly signal: AbortSignal;
  /** The last part of the attempt, within its deadline: what must be known of a connection before it is used. */
  readonly verify?: (connection: C) => Promise<void>;
}

/** Opens one connection within its own deadline; rejects with a DatabaseError and leaves no socket behind. */
export type OpenConnection<C> = (options: OpenOptions<C>) => Promise<C>;
