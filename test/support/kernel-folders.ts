import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { KernelFolders } from '#database/provision/host-figures-function.ts';

/** One process in /proc: everything but its name as numbers. */
export interface FakeProcess {
  readonly pid: number;
  readonly parent: number;
  readonly name?: string;
  /** utime, stime, cutime, cstime. */
  readonly ticks?: readonly [number, number, number, number];
  /** Kilobytes. */
  readonly pss?: number;
  /** Those that ended while they were looked at included. */
  readonly children?: readonly number[];
}

/** Folders such as the kernel's, for machines that the tests do not run on. Everybody may read them. */
export class KernelFiles implements AsyncDisposable {
  readonly folders: KernelFolders;
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.folders = { proc: join(dir, 'proc'), cgroup: join(dir, 'cgroup') };
  }

  /** A machine with 8 cores and 16 GiB; the process that asks is a child of `postmaster`. `groups` is its /proc/self/cgroup. */
  static async of(
    postmaster: number,
    processes: readonly FakeProcess[],
    groups: string,
    files: Readonly<Record<string, string>> = {},
  ): Promise<KernelFiles> {
    const made = new KernelFiles(await mkdtemp(join(tmpdir(), 'tidegauge-kernel-')));
    await chmod(made.#dir, 0o755);
    await made.write('proc/meminfo', 'MemTotal:       16777216 kB\nMemFree:  1 kB\n');
    await made.write(
      'proc/stat',
      `cpu  1 2 3\n${Array.from({ length: 8 }, (_, n) => `cpu${n} 1 2 3\n`).join('')}intr 5\n`,
    );
    await made.write('proc/self/status', 'Name:\tpostgres\nCpus_allowed_list:\t0-31\n');
    await made.write('proc/self/cgroup', groups);
    await made.write('proc/self/stat', statOf({ pid: 99, parent: postmaster }));
    for (const one of processes) {
      await made.write(`proc/${one.pid}/stat`, statOf(one));
      if (one.pss !== undefined) {
        const rollup = `00 ---p [rollup]\nRss:  9999 kB\nPss:  ${one.pss} kB\nPss_Dirty:  1 kB\n`;
        await made.write(`proc/${one.pid}/smaps_rollup`, rollup);
      }
      await made.write(
        `proc/${one.pid}/task/${one.pid}/children`,
        (one.children ?? []).map((pid) => `${pid} `).join(''),
      );
    }
    for (const [path, text] of Object.entries(files)) await made.write(path, text);
    return made;
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.#dir, path)), { recursive: true });
    await writeFile(join(this.#dir, path), text);
  }

  /** Whoever reads it, but for root, is refused. */
  async hide(path: string): Promise<void> {
    await chmod(join(this.#dir, path), 0o000);
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.#dir, path), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** As man 5 proc has it, up to the times. */
function statOf({ pid, parent, name = 'postgres', ticks = [0, 0, 0, 0] }: FakeProcess): string {
  return `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 1 2 3 4 ${ticks.join(' ')} 20 0 1 0 500\n`;
}
