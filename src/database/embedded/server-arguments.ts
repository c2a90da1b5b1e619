import { LOOPBACK } from './free-port.ts';
import { userFault } from './embedded-fault.ts';

// Values of rows never reach the log, whatever else a caller sets.
const LOG_WITHOUT_VALUES = {
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_error_verbosity: 'terse',
} as const;

// Safe against every death of a process; only a crash of the whole machine may lose data.
const THROW_AWAY = { fsync: 'off', full_page_writes: 'off' } as const;

// The statements of a client that was killed end within a second (reliability F32) instead of running on.
const WATCHING_CLIENTS = { client_connection_check_interval: '1s' } as const;

// Days and months begin where the API says, whatever the machine's own time zone.
const OF_THE_API = { timezone: 'UTC' } as const;

const DURABLE = new Set(['fsync', 'full_page_writes', 'synchronous_commit']);
const OFF = new Set(['off', 'false', 'no', '0', 'of', 'f', 'n']);

/** What one start of the server is given. */
export interface ServerArgumentsInput {
  /** As the server's user names it. */
  readonly clusterName: string;
  readonly port: number;
  readonly label: string;
  readonly persistent: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * The command line of the server. Throws `CONFIG_INVALID` for a setting that is not a caller's to
 * choose: address, port, mark, the logging of values, and, for data that are kept, durability.
 */
export function serverArguments(input: ServerArgumentsInput): readonly string[] {
  const fixed: Record<string, string> = {
    listen_addresses: LOOPBACK,
    port: String(input.port),
    unix_socket_directories: '',
    cluster_name: input.label,
    logging_collector: 'off',
    log_destination: 'stderr',
    ...LOG_WITHOUT_VALUES,
  };
  for (const [name, value] of Object.entries(input.settings)) {
    if (!/^[a-z][a-z0-9_.]*$/u.test(name))
      throw userFault('the name of a server setting is not valid');
    if (name in fixed) throw userFault(`the server setting ${name} is fixed`);
    if (input.persistent && DURABLE.has(name) && OFF.has(value.toLowerCase())) {
      throw userFault(`the server setting ${name} can only be off for a throw-away server`);
    }
  }
  const all = {
    ...(input.persistent ? {} : THROW_AWAY),
    ...WATCHING_CLIENTS,
    ...OF_THE_API,
    ...input.settings,
    ...fixed,
  };
  return [
    '-D',
    input.clusterName,
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}
