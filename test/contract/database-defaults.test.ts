import { expect, it } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { DEFAULT_DATABASE_OPTIONS } from '#database/database-options.ts';
import { DEFAULT_MIGRATION_LIMITS } from '#database/migrations/migration-orm-options.ts';

it('a manager that is given a URL alone has the defaults of the settings', () => {
  // Which statements are slow is for whoever observes them.
  const {
    slowQueryMs: _observed,
    direct: _direct,
    migration: _migration,
    migrationLimits,
    reporting: _reporting,
    replicas: _replicas,
    replicaMaxLagMs: _lag,
    instances: _instances,
    reportingPoolSize: _reportingPool,
    ...defaults
  } = parseSettings({}).settings.database;

  expect(DEFAULT_DATABASE_OPTIONS).toEqual(defaults);
  expect(DEFAULT_MIGRATION_LIMITS).toEqual(migrationLimits);
});
