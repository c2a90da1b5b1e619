import type { ConfigError } from './config-error.ts';

/** The faults as lines for standard error, ending in a line break. */
export function formatConfigError({ faults }: ConfigError): string {
  const count = faults.length === 1 ? 'one setting is' : `${faults.length} settings are`;
  const lines = faults.map((fault) => `  ${fault}`).join('\n');
  return `${count} not valid (see docs/configuration.md):\n${lines}\n`;
}
