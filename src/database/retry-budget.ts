// Counted in tenths of a repetition: every session adds one, so that in the long run one in ten is repeated.
const REPETITION = 10;
const RESERVE = 10;
const LIMIT = 100;

/**
 * Keeps repetitions few when everything conflicts, where each would make it worse: one in ten sessions, a reserve of 10
 * for a process that has run few yet, and never more than 100 saved up.
 */
export class RetryBudget {
  #tenths: number;

  /** The reserve in repetitions; infinite for who wants no bound. */
  constructor(reserve = RESERVE) {
    this.#tenths = reserve * REPETITION;
  }

  /** Call once for each session, however often it is repeated. */
  deposit(): void {
    if (this.#tenths < LIMIT * REPETITION) {
      this.#tenths += 1;
    }
  }

  /** Whether a repetition may be made; it is taken from the budget. */
  withdraw(): boolean {
    if (this.#tenths < REPETITION) {
      return false;
    }
    this.#tenths -= REPETITION;
    return true;
  }
}

/** The process's budget, shared by all its session managers. */
export const processRetryBudget = new RetryBudget();
