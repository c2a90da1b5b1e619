/** Collects what is wrong with an environment, in order, and knows which variables are touched. */
export class FaultList {
  readonly #lines: string[] = [];
  readonly #variables = new Set<string>();

  add(variable: string, fault: string): void {
    this.#lines.push(`${variable}: ${fault}`);
    this.#variables.add(variable);
  }

  has(variable: string): boolean {
    return this.#variables.has(variable);
  }

  lines(): readonly string[] {
    return this.#lines;
  }
}
