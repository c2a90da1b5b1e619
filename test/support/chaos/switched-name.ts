/**
 * Load it by `node --import`: from then on the name leads to the address that the file holds, asked for each connection
 * anew, as a name server would be whose record is changed.
 */
import dns from 'node:dns';
import { readFileSync } from 'node:fs';

export const SWITCHED_NAME = 'database.test';

/** The variable that says where the file is. */
export const SWITCHED_NAME_FILE = 'SWITCHED_NAME_FILE';

const lookup = dns.lookup.bind(dns);

// The socket of `node:net` takes the function from here each time.
Reflect.set(dns, 'lookup', (name: string, ...rest: unknown[]): void => {
  const file = process.env[SWITCHED_NAME_FILE];
  const address = name === SWITCHED_NAME && file !== undefined ? readFileSync(file, 'utf8') : name;
  Reflect.apply(lookup, dns, [address, ...rest]);
});
