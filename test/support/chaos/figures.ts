/** Figures of one run, printed as a table when it is over: people judge them, the tests do not. */
export class Figures {
  readonly #title: string;
  readonly #rows: (readonly [name: string, value: string])[] = [];

  constructor(title: string) {
    this.#title = title;
  }

  /** A count, or any other word. */
  note(name: string, value: unknown): void {
    this.#rows.push([name, String(value)]);
  }

  /** Times in milliseconds. */
  times(name: string, values: readonly number[]): void {
    const sorted = values.toSorted((one, other) => one - other).map((value) => Math.round(value));
    const median = sorted[Math.floor(sorted.length / 2)];
    this.note(`${name}, ms`, `median ${median}, max ${sorted.at(-1)}, of ${sorted.length}`);
  }

  print(): void {
    const width = Math.max(...this.#rows.map(([name]) => name.length));
    const rows = this.#rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
    console.log(`${this.#title}\n${rows.join('\n')}`);
  }
}
