import { ConfigError } from '#config/config-error.ts';

/** The faults that the call throws; none when it returns. Any other error passes through. */
export function faultsOf(call: () => unknown): readonly string[] {
  try {
    call();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}
