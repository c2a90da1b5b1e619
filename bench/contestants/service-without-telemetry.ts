import { loadSettings } from '#config/load-settings.ts';
import { buildService } from '#service.ts';
import { noMetrics } from '#telemetry/metrics.ts';

// The level comes from the environment: silent.
const { settings } = loadSettings();
const database = { ...settings.database, slowQueryMs: 0 };
await buildService({ ...settings, database }, { metrics: noMetrics }).start();
