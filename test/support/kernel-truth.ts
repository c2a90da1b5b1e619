import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

/** What the kernel says of a process and its children. Seconds and bytes. */
export interface ProcessTree {
  readonly cpuSeconds: number;
  /** Proportional: what is shared is divided among those who share it. */
  readonly pssBytes: number;
  /** What is shared is counted once for each of them. */
  readonly rssBytes: number;
  readonly processes: number;
}

const TICKS_PER_SECOND = 100;

/** Reads /proc for the tree of a postmaster, of which no process has ended meanwhile. */
export function readProcessTree(postmaster: number): ProcessTree {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => fieldsOf(pid)[1] === String(postmaster));
  const pids = [String(postmaster), ...children];
  const sum = (of: (pid: string) => number) => pids.reduce((total, pid) => total + of(pid), 0);
  const ticks = (pid: string) =>
    fieldsOf(pid)
      .slice(11, 15)
      .reduce((total, field) => total + Number(field), 0);
  return {
    cpuSeconds: sum(ticks) / TICKS_PER_SECOND,
    pssBytes: sum((pid) => kilobytes(pid, 'smaps_rollup', 'Pss') * 1024),
    rssBytes: sum((pid) => kilobytes(pid, 'status', 'VmRSS') * 1024),
    processes: pids.length,
  };
}

/** Of a process that has ended: none. */
function fieldsOf(pid: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function kilobytes(pid: string, file: string, name: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const CPU_FOLDERS = [
  {
    folder: '/sys/fs/cgroup/cpuacct',
    usage: 'cpuacct.usage',
    secondsOf: (text: string) => Number(text) / 1e9,
  },
  {
    folder: '/sys/fs/cgroup',
    usage: 'cpu.stat',
    secondsOf: (text: string) => Number(/usage_usec (\d+)/.exec(text)?.[1]) / 1e6,
  },
] as const;

/** A control group that counts the CPU of a server and of all its children to come, to the nanosecond. */
export class CpuGroup implements Disposable {
  readonly #path: string;
  readonly #read: () => number;

  private constructor(path: string, read: () => number) {
    this.#path = path;
    this.#read = read;
  }

  /** Moves the tree of a postmaster into one; undefined where this process may not make any. */
  static of(postmaster: number): CpuGroup | undefined {
    for (const { folder, usage, secondsOf } of CPU_FOLDERS) {
      const path = join(folder, `tidegauge-test-${randomBytes(4).toString('hex')}`);
      try {
        mkdirSync(path);
        // The postmaster first: whom it starts after that is in.
        for (const pid of [postmaster, ...childrenOf(postmaster)]) {
          writeFileSync(join(path, 'cgroup.procs'), String(pid));
        }
        const read = () => secondsOf(readFileSync(join(path, usage), 'utf8'));
        if (!Number.isNaN(read())) return new CpuGroup(path, read);
      } catch {
        // Not this kind, or not by us.
      }
    }
    return undefined;
  }

  /** Since the group was made. */
  get cpuSeconds(): number {
    return this.#read();
  }

  /** Call it when the server has ended. */
  [Symbol.dispose](): void {
    rmdirSync(this.#path);
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((child) => child > 0 && fieldsOf(String(child))[1] === String(pid));
}
