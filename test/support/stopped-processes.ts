/**
 * Stops processes in their tracks: a stopped backend is a query that hangs, with a stopped postmaster the system still
 * accepts connections and nobody answers. They go on when it is disposed of.
 */
export function stoppedProcesses(pids: readonly number[]): Disposable {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  return {
    [Symbol.dispose]() {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    },
  };
}
