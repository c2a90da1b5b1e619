/**
 * Program for the tests of the logger: writes `count` lines to standard output and ends in the way
 * that `ending` says. Run it as `node log-writer.ts <format> <count> <ending>`.
 */
import { once } from 'node:events';
import { onFatalErrors } from '#lifecycle/fatal-errors.ts';
import { createLogger } from '#telemetry/logger.ts';

const [format, count, ending] = process.argv.slice(2);
const logger = createLogger({ level: 'info', format: format === 'pretty' ? 'pretty' : 'json' });

for (let line = 0; line < Number(count); line += 1) {
  logger.info({ event: 'test.line', line }, 'a line');
}

switch (ending) {
  case 'close':
    await logger.close();
    process.exit(0);
    break;
  case 'flush':
    await logger.flush();
    process.kill(process.pid, 'SIGKILL');
    break;
  case 'kill':
    process.kill(process.pid, 'SIGKILL');
    break;
  case 'exit':
    process.exit(0);
    break;
  case 'fatal':
    // As main.ts does it.
    onFatalErrors({
      onFatal: (err, origin) => logger.fatal({ event: 'process.fatal', origin, err }, 'fatal'),
      shutdown: () => logger.close(),
      exit: (code) => process.exit(code),
    });
    throw new Error('nobody catches this');
  case 'unheard':
    // The negative control: what becomes of a process that writes without the logger.
    setInterval(() => process.stdout.write('a line\n'), 5);
    process.send?.('ready');
    break;
  default: {
    // Goes on writing until it is told to stop: for a reader who goes away.
    const timer = setInterval(() => logger.info({ event: 'test.line' }, 'a line'), 5);
    process.send?.('ready');
    await once(process, 'message');
    clearInterval(timer);
    await logger.close();
    process.exit(0);
  }
}
