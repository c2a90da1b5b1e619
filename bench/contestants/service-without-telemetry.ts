import { loadSettings } from '#config/load-settings.ts';
import { buildService } from '#service.ts';

// The level comes from the environment: silent.
const { settings } = loadSettings();
await buildService(settings).start();
