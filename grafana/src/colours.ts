/** One colour for one meaning, in every picture: the parts that a slow request can be made of. */
export const COLOURS = {
  http: 'blue',
  wait: 'orange',
  query: 'purple',
  eventLoop: 'yellow',
  gc: 'green',
} as const;

/** Names of curves with their colours. */
export type Colours = Readonly<Record<string, string>>;

/** Quantiles of one thing: the higher, the brighter, so that p99 looks as it does beside other things. */
export function quantileColours(colour: string): Colours {
  return { p50: `dark-${colour}`, p95: `semi-dark-${colour}`, p99: colour };
}

/** States of a connection. */
export const STATE_COLOURS: Colours = {
  used: COLOURS.wait,
  connecting: 'light-yellow',
  idle: 'dark-green',
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
  rollback: COLOURS.wait,
};

/** What a session of the server waits for; `none` is work on its CPU. */
export const WAIT_COLOURS: Colours = {
  none: 'green',
  IO: 'orange',
  Lock: 'red',
  LWLock: 'yellow',
  Client: 'blue',
};
