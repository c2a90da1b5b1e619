import { isIP } from 'node:net';

const NAME = /^(?!.*\.\.)[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/i;

/** Tells whether a text is a host name (ASCII) or an IP address without brackets and zone. */
export function isHost(text: string): boolean {
  return NAME.test(text) || (isIP(text) !== 0 && !text.includes('%'));
}
