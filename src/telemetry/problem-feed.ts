import type { TracingProblem } from './tracing.ts';

type Listener = (problem: TracingProblem) => void;

/** How many problems are kept until somebody listens. */
const KEPT = 20;

/** Hands problems to whoever listens, and the first of those that came before anybody did. */
export class ProblemFeed {
  readonly #listeners = new Set<Listener>();
  readonly #early: TracingProblem[] = [];

  tell(problem: TracingProblem): void {
    if (this.#listeners.size === 0 && this.#early.length < KEPT) {
      this.#early.push(problem);
    }
    for (const listener of this.#listeners) {
      listener(problem);
    }
  }

  /** The function that it returns ends the listening. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    for (const problem of this.#early.splice(0)) {
      listener(problem);
    }
    return () => void this.#listeners.delete(listener);
  }
}
