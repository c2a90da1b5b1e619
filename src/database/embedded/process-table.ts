import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** One running process; zombies are not in the table. */
export interface ProcessEntry {
  readonly pid: number;
  /** Its command line, arguments parted by one space. */
  readonly command: string;
}

/** All processes that the system lets us see: from /proc on Linux, from `ps` elsewhere. */
export async function processTable(): Promise<readonly ProcessEntry[]> {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/u.test(name))
      .map((name) => ({ pid: Number(name), command: commandLine(name) }))
      .filter(({ command }) => command !== '');
  }
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return parseProcessTable(stdout);
}

/** Parses the output of `ps -o pid=,command=`. */
export function parseProcessTable(text: string): readonly ProcessEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, command] = /^\s*(\d+)\s+(.+)$/u.exec(line) ?? [];
    if (pid === undefined || command === undefined || command.includes('<defunct>')) return [];
    return [{ pid: Number(pid), command: command.trim() }];
  });
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // ended since the folder was listed
  }
}
