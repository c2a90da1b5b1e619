/**
 * What a session's work is part of, such as a request: made by whoever opens the session, and handed with every event
 * to whoever observes the database. The database layer itself only adds up `database`.
 */
export interface WorkScope {
  /** W3C trace id, 32 hexadecimal digits. */
  readonly traceId: string;
  /** W3C id of the span that the work's statements belong to, 16 hexadecimal digits. */
  readonly spanId?: string;
  /** Template of the route, for the server's eyes. */
  readonly route?: string;
  /** The trace is recorded: only then is it worth to build a span, a comment, an exemplar. Absent: it is not. */
  readonly isSampled?: boolean;
  /** Absent: nobody wants to know. */
  readonly database?: DatabaseShare;
}

/** What the database took of a piece of work so far. */
export interface DatabaseShare {
  /** Statements sent, those that begin and end transactions among them. */
  operations: number;
  /**
   * Milliseconds of statements at the client; of statements side by side, all of them. Has those under way up to now
   * when the work is aborted, otherwise those that have ended.
   */
  queryMs: number;
  /** Milliseconds of waiting for connections, opening and pinging them included. */
  waitMs: number;
}
