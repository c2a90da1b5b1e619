import { parseSettings } from '#config/parse-settings.ts';
import type { PoolStats } from '#database/pool/pool-stats.ts';
import { buildService } from '#service.ts';
import { createLogger } from '#telemetry/logger.ts';

/** The real service in this process, so that its pool can be asked directly. */
export interface ChaosService extends AsyncDisposable {
  readonly url: string;
  readonly activeSessions: number;
  stats(): PoolStats;
  /** Has every connection of the pool replaced. */
  evict(): void;
}

/**
 * Starts the service on a free port, ready when the promise resolves. Without `DATABASE_URL` in `env` it starts its
 * own embedded server in `dataDir`, as `npm start` does.
 */
export async function startChaosService(options: {
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
}): Promise<ChaosService> {
  const { settings } = parseSettings({
    NODE_ENV: 'test',
    PORT: '0',
    MIGRATE_ON_START: 'true',
    LOG_LEVEL: 'fatal',
    SHUTDOWN_GRACE_MS: '2000',
    ...options.env,
  });
  const service = buildService(settings, {
    logger: createLogger({ level: 'fatal', format: 'json' }, { write: () => undefined }),
    ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
  });
  const { url } = await service.start();
  await service.ready();
  return {
    url,
    get activeSessions() {
      return service.sessions.activeSessions;
    },
    stats: () => service.sessions.stats(),
    evict: () => service.sessions.evict(),
    [Symbol.asyncDispose]: () => service.close(),
  };
}
