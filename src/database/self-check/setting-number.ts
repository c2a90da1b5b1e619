import type { ServerFacts } from './server-facts.ts';

/** A setting of the server as a number, in its base unit; undefined where the server does not know the name. */
export function settingNumber({ settings }: ServerFacts, name: string): number | undefined {
  const value = settings[name];
  return value === undefined ? undefined : Number(value);
}
