import type { RunnerTestSuite } from 'vitest';

/** What one claim was measured at. */
export interface ClaimFigures {
  /** As `docs/testing.md` lists it: `H1`. */
  readonly id: string;
  /** How often the fault was made. */
  readonly rounds: number;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

declare module 'vitest' {
  interface TaskMeta {
    figures?: ClaimFigures;
  }
}

/** Figures of one run, in the table at its end: people judge them, the tests do not. */
export class Figures implements ClaimFigures {
  readonly id: string;
  readonly rounds: number;
  readonly rows: (readonly [name: string, value: string])[] = [];

  /** `seed`: of its random moments, if it has any. */
  constructor(id: string, rounds: number, seed?: number) {
    this.id = id;
    this.rounds = rounds;
    if (seed !== undefined) this.note('seed', `CHAOS_SEED=${seed}`);
  }

  /** A count, or any other word. */
  note(name: string, value: unknown): void {
    this.rows.push([name, String(value)]);
  }

  /** What the negative control showed, which the guarded run must not. */
  control(name: string, value: unknown): void {
    this.note(`control: ${name}`, value);
  }

  /** Times in milliseconds. */
  times(name: string, values: readonly number[]): void {
    const [median, max] = [medianOf(values), Math.max(...values)].map((value) => Math.round(value));
    this.note(`${name}, ms`, `median ${median}, max ${max}, of ${values.length}`);
  }

  /** For `afterAll`: hands the figures of a suite to the table. */
  // oxlint-disable-next-line eslint/no-empty-pattern -- vitest reads the parameter's text and wants a pattern.
  readonly publish = ({}: object, { meta }: Pick<RunnerTestSuite, 'meta'>): void => {
    const { id, rounds, rows } = this;
    meta.figures = { id, rounds, rows };
  };
}

/** The value that half of the values do not exceed; NaN for none. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}
