/**
 * Program for the tests of the lifecycle: listens as `src/main.ts` does and tells its parent what it
 * hears. Run it by `fork` with `signals`, `exception` or `rejection`.
 */
import { onFatalErrors } from '#lifecycle/fatal-errors.ts';
import { onShutdownSignals } from '#lifecycle/signals.ts';

const kind = process.argv[2];
const stay = setInterval(() => undefined, 1000);
const tell = (message: unknown) => process.send?.(message);

onShutdownSignals({
  onFirst: (signal) => tell({ first: signal }),
  onSecond: (_, code) => process.exit(code),
});
onFatalErrors({
  onFatal: (error, origin) => tell({ fatal: origin, message: String(error) }),
  shutdown: async () => {
    clearInterval(stay);
    tell({ shutdown: true });
  },
  exit: (code) => process.send?.({ exit: code }, () => process.exit(code)),
});
tell('ready');

if (kind === 'exception') {
  setImmediate(() => {
    throw new Error('thrown');
  });
}
if (kind === 'rejection') {
  void Promise.reject(new Error('rejected'));
}
