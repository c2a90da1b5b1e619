/** How many of its requests a contestant traces. */
export const TRACING = ['off', '1 %', '100 %', '100 % + SQL comments'] as const;

/** What takes part: one program with its settings, in a process of its own. */
export interface Contestant {
  /** Letter of its kind, and what is traced where there is a choice: `d`, `a-100`. */
  readonly key: string;
  readonly title: string;
  /** Undefined where there is no tracing to switch. */
  readonly tracing: (typeof TRACING)[number] | undefined;
  /** What follows `node` on its command line: absolute paths. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Its metrics are read every few seconds, as Prometheus would. */
  readonly isScraped: boolean;
}

/** Whether it sends spans somewhere. */
export function isTraced({ tracing }: Contestant): boolean {
  return tracing !== undefined && tracing !== 'off';
}
