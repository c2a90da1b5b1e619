/** The environment does not make settings: every fault at once, one line each, never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  /** What the process exits with (sysexits.h, EX_CONFIG). */
  readonly exitCode = 78;
  /** `VARIABLE: what is allowed`, one line per fault. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`invalid settings: ${faults.join('; ')}`);
    this.faults = Object.freeze([...faults]);
  }
}
