/** The address to listen on could not be had; the message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'LISTEN_FAILED';
  /** Another program has the port. */
  readonly isTaken: boolean;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.isTaken = cause instanceof Error && Reflect.get(cause, 'code') === 'EADDRINUSE';
  }
}
