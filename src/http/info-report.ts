import type { BuildInfo } from '#config/build-info.ts';
import type { SelfCheckResult } from '#database/self-check/self-check.ts';

import type { InfoReport } from './info-route.ts';

/** What a report is made of. */
export interface InfoInputs {
  readonly build: BuildInfo;
  readonly startedAt: Date;
  /** Version of the server; undefined until it has been seen. */
  readonly postgres: string | undefined;
  /** Undefined before the database is brought up. */
  readonly selfCheck: SelfCheckResult | undefined;
  /** What is questionable about the environment. */
  readonly settingWarnings: readonly string[];
  /** Without secrets. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Puts together what the service knows of itself; at once, from memory. */
export function infoReport({
  build: { name, version, commit },
  startedAt,
  postgres,
  selfCheck,
  settingWarnings,
  settings,
}: InfoInputs): InfoReport {
  return {
    name,
    version,
    commit,
    node: process.versions.node,
    postgres: postgres ?? null,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.floor((Date.now() - startedAt.getTime()) / 1000),
    selfCheck: {
      state: selfCheck?.state ?? 'pending',
      checkedAt: selfCheck?.checkedAt ?? null,
      code: selfCheck?.code ?? null,
    },
    warnings: [
      ...settingWarnings.map((message) => ({
        source: 'settings' as const,
        severity: 'warning' as const,
        message,
      })),
      ...(selfCheck?.findings ?? []).map((finding) => ({
        source: 'self-check' as const,
        ...finding,
      })),
    ],
    settings,
  };
}
