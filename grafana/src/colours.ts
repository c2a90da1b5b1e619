/** One colour for one meaning, in every picture: the parts that a slow request can be made of. */
export const COLOURS = {
  http: 'blue',
  wait: 'orange',
  query: 'purple',
  eventLoop: 'yellow',
  gc: 'green',
} as const;

/** What most of the events are like. */
export const USUAL = '#8e8e8e';

/** Names of curves with their colours. */
export type Colours = Readonly<Record<string, string>>;

/** Quantiles of one thing: p99 looks as it does beside other things, those below it are paler. */
export function quantileColours(colour: string): Colours {
  return { p50: USUAL, p95: `super-light-${colour}`, p99: colour };
}

/** States of a connection of the pool. */
export const CONNECTION_COLOURS: Colours = {
  used: COLOURS.wait,
  connecting: 'light-yellow',
  idle: 'dark-green',
};

/** States of a session of the server. */
export const SESSION_COLOURS: Colours = {
  active: COLOURS.query,
  idle: 'dark-green',
  'idle in transaction': 'orange',
  'idle in transaction (aborted)': 'red',
};

/** How asking for a connection, or a session, ended: red is what somebody was refused. */
export const OUTCOME_COLOURS: Colours = {
  reused: 'dark-green',
  queued: COLOURS.wait,
  new: 'light-yellow',
  timeout: 'red',
  refused: 'dark-red',
  error: 'light-red',
  commit: 'dark-green',
  commits: 'dark-green',
  rollback: COLOURS.wait,
  rollbacks: COLOURS.wait,
};

/** Why who only reads went to the primary: after a write it is as it should be. */
export const FALLBACK_COLOURS: Colours = {
  unusable: 'red',
  connect: COLOURS.wait,
  read_after: USUAL,
};

/** What a session of the server waits for; `none` is work on its CPU. */
export const WAIT_COLOURS: Colours = {
  none: 'green',
  IO: 'orange',
  Lock: 'red',
  LWLock: 'yellow',
  Client: 'blue',
};
