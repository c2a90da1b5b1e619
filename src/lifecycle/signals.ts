import { constants } from 'node:os';

export interface ShutdownSignalOptions {
  /** Default: SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
  /** Begins the shutdown. */
  readonly onFirst: (signal: NodeJS.Signals) => void;
  /** Ends the process at once with `exitCode`, 128 + the signal's number as shells have it. */
  readonly onSecond: (signal: NodeJS.Signals, exitCode: number) => void;
  /** Milliseconds of any steady clock. */
  readonly now?: () => number;
}

/**
 * `npm start` passes on the Ctrl-C that the terminal has already sent to the whole group: the same
 * signal again within this time is the same wish.
 */
const SAME_WISH_MS = 250;

/** Listens for the signals that end a service; the returned function stops listening. */
export function onShutdownSignals(options: ShutdownSignalOptions): () => void {
  const { signals = ['SIGTERM', 'SIGINT'], onFirst, onSecond } = options;
  const now = options.now ?? (() => performance.now());
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const listen = (signal: NodeJS.Signals) => {
    if (first === undefined) {
      first = { signal, at: now() };
      onFirst(signal);
    } else if (signal !== first.signal || now() - first.at >= SAME_WISH_MS) {
      onSecond(signal, 128 + constants.signals[signal]);
    }
  };
  for (const signal of signals) {
    process.on(signal, listen);
  }
  return () => {
    for (const signal of signals) {
      process.off(signal, listen);
    }
  };
}
