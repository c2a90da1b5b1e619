import { pino } from 'pino';

/** Where log lines go. */
export interface LogDestination {
  /** Takes one line with its line break; never throws. */
  write(line: string): void;
  /** Resolves when what was written is out, or nobody can take it any more. */
  flush?(): Promise<void>;
  /** Flushes; what is written later is dropped. */
  close?(): Promise<void>;
}

/** Held for a reader who does not read; lines beyond it are dropped. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** A reader who stopped reading must not keep the process from ending. */
const FLUSH_DEADLINE_MS = 2000;

/**
 * Standard output. Not `sync`: the thread pool writes lines in order, and an exit without
 * `close()` still writes what waits, in whatever order. A reader who went away (EPIPE) or a full disk ends no process.
 */
export function stdoutDestination(options: { readonly sync: boolean }): LogDestination {
  const stream = pino.destination({ dest: 1, sync: options.sync, maxLength: MAX_WAITING_BYTES });
  let isClosed = false;
  let isWaiting = false;
  // Unheard, an error would end the process. After a broken pipe nothing is written any more; after
  // others (a full disk) the next line tries again.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    isClosed ||= error.code === 'EPIPE';
    isWaiting &&= !isClosed;
  });
  stream.on('drain', () => {
    isWaiting = false;
  });

  const drained = async (): Promise<void> => {
    if (!isWaiting || options.sync) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(resolve, FLUSH_DEADLINE_MS);
    stream.once('drain', resolve);
    stream.once('error', resolve);
    await promise;
    clearTimeout(deadline);
    stream.off('drain', resolve);
    stream.off('error', resolve);
  };

  return {
    write(line) {
      if (!isClosed) {
        isWaiting = true;
        stream.write(line);
      }
    },
    flush: drained,
    async close() {
      if (!isClosed) {
        isClosed = true;
        await drained();
      }
    },
  };
}
