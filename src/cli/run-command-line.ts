import { parseArgs } from 'node:util';
import { toldExitCode } from './told-exit-code.ts';

/** sysexits.h, EX_USAGE. */
const EXIT_USAGE = 64;

/** A command that is typed with one of its flags at most. */
interface Command<F extends string> {
  readonly usage: string;
  readonly flags: readonly F[];
  /** Does what is asked for; resolves with the exit code. */
  readonly run: (flag: F | undefined) => Promise<number>;
}

/**
 * Runs a command with the arguments of the process and sets the exit code: that of `run`, or what its failure means; with
 * the usage, 0 for `--help` and 64 for arguments that the command does not have.
 */
export async function runCommandLine<F extends string>({
  usage,
  flags,
  run,
}: Command<F>): Promise<void> {
  // A process with number 1, as in a container, has no default for these. The server takes back what is not committed.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  // Whoever reads may stop reading (`| head`): the exit code still tells.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => undefined);
  }
  const wish = readWish(flags);
  if (wish === 'help' || wish === 'wrong') {
    (wish === 'help' ? process.stdout : process.stderr).write(usage);
    process.exitCode = wish === 'help' ? 0 : EXIT_USAGE;
    return;
  }
  try {
    process.exitCode = await run(wish.flag);
  } catch (error) {
    process.exitCode = toldExitCode(error);
  }
}

function readWish<F extends string>(
  flags: readonly F[],
): { readonly flag: F | undefined } | 'help' | 'wrong' {
  const options = Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }]));
  try {
    const { values } = parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    });
    const given = new Set(Object.keys(values));
    if (given.has('help')) return 'help';
    const [flag, ...others] = flags.filter((known) => given.has(known));
    return others.length > 0 ? 'wrong' : { flag };
  } catch {
    return 'wrong';
  }
}
