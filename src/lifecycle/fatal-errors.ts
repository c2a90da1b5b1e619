type FatalOrigin = 'uncaughtException' | 'unhandledRejection';

export interface FatalErrorOptions {
  /** Writes one line; told of every fatal error, the first and those that follow. */
  readonly onFatal: (error: unknown, origin: FatalOrigin) => void;
  /** Closes the service and flushes the log; its result and its errors do not matter any more. */
  readonly shutdown: () => Promise<void>;
  /** Ends the process; called once, with 1. */
  readonly exit: (code: number) => void;
  /** Bound of the shutdown; default 5000. */
  readonly deadlineMs?: number;
}

/**
 * Ends a process whose state nobody knows any more: says why, shuts down within the deadline, exits
 * with 1. The returned function stops listening.
 */
export function onFatalErrors(options: FatalErrorOptions): () => void {
  const { onFatal, shutdown, exit, deadlineMs = 5000 } = options;
  let isEnding = false;
  const end = async () => {
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, deadlineMs);
    try {
      await Promise.race([shutdown(), deadline]);
    } catch {
      // Promised above: the process ends in any case.
    }
    clearTimeout(timer);
    exit(1);
  };
  const listen = (origin: FatalOrigin) => (error: unknown) => {
    try {
      onFatal(error, origin);
    } catch {
      // The end must not depend on its announcement.
    }
    if (!isEnding) {
      isEnding = true;
      void end();
    }
  };
  const onException = listen('uncaughtException');
  const onRejection = listen('unhandledRejection');
  process.on('uncaughtException', onException);
  process.on('unhandledRejection', onRejection);
  return () => {
    process.off('uncaughtException', onException);
    process.off('unhandledRejection', onRejection);
  };
}
