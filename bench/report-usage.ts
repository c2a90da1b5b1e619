/** What a process has used: CPU time of all its threads since its start, memory now. */
export interface ProcessUsage {
  readonly cpuUs: number;
  readonly rssBytes: number;
}

// Loaded into every process under measurement, before anything else: answers who started it, and ends with it.
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());
process.channel?.unref();
