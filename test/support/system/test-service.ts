/**
 * The service as `src/main.ts` starts it, with routes that do what a service should not. Run it as
 * `node test-service.ts`, with the service's environment.
 */
import { loadSettings } from '#config/load-settings.ts';
import { buildService } from '#service.ts';
import { faultyRoutes } from './faulty-routes.ts';

const { settings } = loadSettings();
const service = buildService(settings, { routes: faultyRoutes });

process.once('SIGTERM', () => {
  void service
    .close()
    .then(() => service.log.close())
    .then(() => process.exit(0));
});
await service.start();
await service.ready();
service.log.info({ event: 'service.ready' }, 'ready');
