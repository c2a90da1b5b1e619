import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { serverArguments } from '#database/embedded/server-arguments.ts';

const base = {
  clusterName: '/a folder',
  port: 20_001,
  label: 'tidegauge-ab.cd',
  persistent: true,
  settings: {},
};

describe('the command line of the server', () => {
  it('listens on the loopback address alone, on no socket file, and logs no value', () => {
    const args = serverArguments(base);

    expect(args.slice(0, 2)).toEqual(['-D', '/a folder']);
    expect(args).toEqual(
      expect.arrayContaining([
        'listen_addresses=127.0.0.1',
        'port=20001',
        'unix_socket_directories=',
        'cluster_name=tidegauge-ab.cd',
        'log_parameter_max_length=0',
        'log_parameter_max_length_on_error=0',
        'log_error_verbosity=terse',
      ]),
    );
  });

  it('gives up durability for throw-away data alone', () => {
    expect(serverArguments({ ...base, persistent: false })).toContain('fsync=off');
    expect(serverArguments(base).join(' ')).not.toContain('fsync');
    expect(() => serverArguments({ ...base, settings: { fsync: 'Off' } })).toThrow(
      'the server setting fsync can only be off for a throw-away server',
    );
  });

  it('notices within a second that a client has died, unless told otherwise', () => {
    const told = { client_connection_check_interval: '0' };

    expect(serverArguments(base)).toContain('client_connection_check_interval=1s');
    expect(serverArguments({ ...base, settings: told }).join(' ')).toMatch(
      /^(?!.*=1s).*client_connection_check_interval=0/,
    );
  });

  it('carries any other setting word for word', () => {
    const args = serverArguments({
      ...base,
      settings: { log_min_duration_statement: '0', search_path: 'a b' },
    });

    expect(args).toEqual(
      expect.arrayContaining(['log_min_duration_statement=0', 'search_path=a b']),
    );
  });

  it('lets no caller choose what is fixed, nor smuggle an option in as a name', () => {
    for (const name of ['port', 'log_error_verbosity', 'listen_addresses']) {
      expect(() => serverArguments({ ...base, settings: { [name]: 'x' } })).toThrow(
        `${name} is fixed`,
      );
    }
    fc.assert(
      fc.property(fc.string(), (name) => {
        fc.pre(!/^[a-z][a-z0-9_.]*$/u.test(name));
        expect(() => serverArguments({ ...base, settings: { [name]: 'x' } })).toThrow('not valid');
      }),
    );
  });
});
