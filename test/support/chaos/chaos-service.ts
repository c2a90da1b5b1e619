import { parseSettings } from '#config/parse-settings.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import type { Route } from '#http/route.ts';
import { buildService } from '#service.ts';
import { createLogger } from '#telemetry/logger.ts';
import { keepTelemetry } from '#test/support/canary/keep-telemetry.ts';
import { outputOfService } from '#test/support/canary/service-output.ts';

/** The real service in this process, so that its pool can be asked directly. */
export interface ChaosService extends AsyncDisposable {
  readonly url: string;
  readonly activeSessions: number;
  stats(): PoolStats;
  /** Has every connection of the pool replaced. */
  evict(): void;
}

/** Starts the service, with some routes more, on a free port and on the database that `env` names; resolves when it is ready. */
export async function startChaosService(
  env: Readonly<Record<string, string>>,
  routes: readonly Route[] = [],
): Promise<ChaosService> {
  const { settings } = parseSettings({
    NODE_ENV: 'test',
    PORT: '0',
    MIGRATE_ON_START: 'true',
    LOG_LEVEL: 'fatal',
    SHUTDOWN_GRACE_MS: '2000',
    ...env,
  });
  const output = outputOfService();
  output?.addSecretsOf(env);
  const service = buildService(settings, {
    routes,
    logger: createLogger(
      { level: 'fatal', format: 'json' },
      { write: (line) => output?.write('log', line) },
    ),
  });
  const { url, managementUrl } = await service.start();
  await service.ready();
  return {
    url,
    get activeSessions() {
      return service.sessions.activeSessions;
    },
    stats: () => service.sessions.stats(),
    evict: () => service.sessions.evict(),
    async [Symbol.asyncDispose]() {
      if (output !== undefined) {
        await keepTelemetry(managementUrl, output, env['MANAGEMENT_TOKEN']);
      }
      await service.close();
    },
  };
}
