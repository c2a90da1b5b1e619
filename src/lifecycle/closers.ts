/** One resource that did not close as it should. */
export interface CloseFault {
  readonly name: string;
  /** `deadline`: it may still be closing, nobody waits for it any more. */
  readonly kind: 'error' | 'deadline';
  readonly deadlineMs: number;
  readonly error?: unknown;
}

interface Closer {
  readonly name: string;
  readonly close: () => Promise<void> | void;
  readonly deadlineMs: number;
}

/** What a process opened, closed in reverse order. Register each right after opening it. */
export class Closers {
  readonly #stack: Closer[] = [];
  readonly #onFault: (fault: CloseFault) => void;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  /** `onFault` is told of every error and missed deadline; what it throws is ignored. */
  constructor(onFault: (fault: CloseFault) => void) {
    this.#onFault = onFault;
  }

  /**
   * Registers a resource. What is opened while the others close is closed too; after the last one
   * this throws, and the caller closes what it has opened.
   */
  add(name: string, close: () => Promise<void> | void, deadlineMs: number): void {
    if (this.#isClosed) {
      throw new Error(`bug: ${name} was opened after everything had been closed`);
    }
    this.#stack.push({ name, close, deadlineMs });
  }

  /** Closes all, one after the other, the youngest first. Never rejects; a second call joins the first. */
  closeAll(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.closeAll();
  }

  async #run(): Promise<void> {
    for (let closer = this.#stack.pop(); closer !== undefined; closer = this.#stack.pop()) {
      await this.#close(closer);
    }
    this.#isClosed = true;
  }

  async #close({ name, close, deadlineMs }: Closer): Promise<void> {
    const { promise: deadline, resolve: expire } = Promise.withResolvers<'deadline'>();
    const timer = setTimeout(expire, deadlineMs, 'deadline');
    try {
      const closed = (async () => close())().then(() => 'closed' as const);
      if ((await Promise.race([closed, deadline])) === 'deadline') {
        this.#report({ name, kind: 'deadline', deadlineMs });
        closed.catch((error: unknown) => this.#report({ name, kind: 'error', deadlineMs, error }));
      }
    } catch (error) {
      this.#report({ name, kind: 'error', deadlineMs, error });
    } finally {
      clearTimeout(timer);
    }
  }

  #report(fault: CloseFault): void {
    try {
      this.#onFault(Object.freeze(fault));
    } catch {
      // Promised above: what reports must not keep the others open.
    }
  }
}
