import { ConfigError } from '#config/config-error.ts';
import { formatConfigError } from '#config/format-config-error.ts';
import { loadSettings } from '#config/load-settings.ts';
import { onFatalErrors } from '#lifecycle/fatal-errors.ts';
import { onShutdownSignals } from '#lifecycle/signals.ts';
import { buildService } from '#service.ts';

/** sysexits.h, EX_USAGE. */
const EXIT_USAGE = 64;

await main();

async function main(): Promise<void> {
  if (process.argv.length > 2) {
    process.stderr.write(
      'usage: npm start (it takes no arguments; settings: docs/configuration.md)\n',
    );
    process.exit(EXIT_USAGE);
  }
  const { settings, warnings } = settingsOrExit();
  const service = buildService(settings, { settingWarnings: warnings });
  const { log } = service;
  const exit = (code: number) => process.exit(code);
  for (const warning of warnings) {
    log.warn({ event: 'config.warning' }, warning);
  }
  onFatalErrors({
    onFatal: (err, origin) =>
      log.fatal({ event: 'process.fatal', origin, err }, 'the process cannot go on'),
    shutdown: () => end(),
    exit,
  });
  onShutdownSignals({
    onFirst: (signal) => {
      log.info({ event: 'service.stopping', signal }, 'shutting down');
      void end().then(() => exit(0));
    },
    onSecond: (_signal, code) => exit(code),
  });

  async function end(): Promise<void> {
    await service.close();
    log.info({ event: 'service.stopped' }, 'stopped');
    await log.close();
  }

  try {
    const { url, managementUrl, database } = await service.start();
    await service.ready();
    log.info(
      {
        event: 'service.ready',
        api: `${url}/docs`,
        health: `${managementUrl}/healthz`,
        metrics: `${managementUrl}/metrics`,
        pool: `${managementUrl}/pool`,
        database,
      },
      `ready: ${url}/docs; ${managementUrl}/healthz, /metrics, /pool; PostgreSQL at ${database}`,
    );
  } catch (error) {
    log.fatal({ event: 'service.start.failed', err: error }, startFault(error));
    await end();
    exit(1);
  }
}

function settingsOrExit(): ReturnType<typeof loadSettings> {
  try {
    return loadSettings();
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(formatConfigError(error));
      process.exit(error.exitCode);
    }
    throw error;
  }
}

/** Our own errors say what to do, and hold no secret. */
function startFault(error: unknown): string {
  return error instanceof Error && ['DatabaseError', 'ListenError'].includes(error.name)
    ? error.message
    : 'the service did not start';
}
