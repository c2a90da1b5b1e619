import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When and in which boot a living process began, so that a pid that is used again is not taken for
 * it. Undefined when there is no such process, or only its zombie.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      return linuxStart(readFileSync(`/proc/${pid}/stat`, 'utf8'), bootId());
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    }).trim();
    return started === '' ? undefined : started;
  } catch {
    return undefined;
  }
}

/** Some sandboxes have no such file; start times alone must do there. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** The identity of a process by the text of its /proc/<pid>/stat; undefined for a zombie. */
export function linuxStart(stat: string, boot: string): string | undefined {
  // The name in parentheses may hold spaces and parentheses itself; state is the first field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const started = fields[19];
  return started === undefined || /^[ZX]/u.test(fields[0] ?? '') ? undefined : `${boot}:${started}`;
}
