import type { ServerResponse } from 'node:http';

import { HttpError } from './http-error.ts';

/** Bounds how many requests are served at once; what is beyond is refused, never queued. */
export class InFlightLimit {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes a place until `response` is closed. Throws `OVERLOADED` when there is none. */
  enter(response: ServerResponse): void {
    if (this.#count >= this.#max) throw new HttpError('OVERLOADED');
    this.#count += 1;
    response.once('close', () => {
      this.#count -= 1;
    });
  }
}
