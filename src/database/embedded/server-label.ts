import { createHash, randomBytes } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';

/**
 * The mark of all servers of one state folder. It is the server's `cluster_name`, which PostgreSQL
 * shows in the title of each of its processes: so our processes are found on every system, without
 * rights over them, when their postmaster is dead, and never mistaken for another folder's.
 */
export function folderLabel(dataDir: string): string {
  const path = realpathSync(dataDir);
  // The inode tells a copied checkout apart from one that stands at the same path elsewhere.
  const key = `${path}\0${statSync(path).ino}`;
  return `tidegauge-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
}

/** The mark of one start: who ends the processes of a start that is over cannot hit the next one. */
export function newRunLabel(folder: string): string {
  return `${folder}.${randomBytes(4).toString('hex')}`;
}

/** What a process with this command line is to the server or servers marked by `label`. */
export function roleOf(command: string, label: string): 'main' | 'child' | undefined {
  const mark = label.replaceAll('.', String.raw`\.`);
  if (new RegExp(`^postgres: ${mark}(\\.[0-9a-f]+)?: `, 'u').test(command)) return 'child';
  const main = `^(.*/)?(postgres|initdb) .*cluster_name=${mark}(\\.[0-9a-f]+)?( |$)`;
  return new RegExp(main, 'u').test(command) ? 'main' : undefined;
}

/** Whether the command line is one of a PostgreSQL server that none of our folders started. */
export function isForeignServer(command: string): boolean {
  return /^(.*\/)?postgres[ :]/u.test(command) && !command.includes('tidegauge-');
}
