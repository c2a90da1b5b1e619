import * as fc from 'fast-check';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseSettings } from '#config/parse-settings.ts';
import { redactSettings } from '#config/redact-settings.ts';
import { infoReport as assemble } from '#http/info-report.ts';
import type { InfoInputs } from '#http/info-report.ts';
import { infoReport, testApp } from './http-fixture.ts';

const build = { name: 'tidegauge', version: '1.2.3', commit: 'abc' };

describe('what runs here', () => {
  it('is told as it is', async () => {
    const response = await request(testApp().app).get('/info');

    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.body).toEqual(infoReport);
  });

  it('answers HEAD without a body, and nothing that changes it', async () => {
    const { app } = testApp();

    const head = await request(app).head('/info');
    const post = await request(app).post('/info');

    expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: undefined });
    expect(Number(head.headers['content-length'])).toBeGreaterThan(100);
    expect(post.status).toBe(405);
    expect(post.headers['allow']).toBe('GET, HEAD, OPTIONS');
  });

  it('costs no session and no line in the log', async () => {
    const { app, sessions, log } = testApp();

    await request(app).get('/info');

    expect(sessions).toEqual([]);
    expect(log.lines).toEqual([]);
  });
});

describe('the report', () => {
  const startedAt = new Date('2026-01-01T00:00:00.000Z');
  const reportOf = (inputs: Partial<InfoInputs>) =>
    assemble({
      build,
      startedAt,
      postgres: undefined,
      selfCheck: undefined,
      settingWarnings: [],
      settings: {},
      ...inputs,
    });

  beforeAll(() => {
    vi.useFakeTimers({ now: startedAt.getTime() + 12_345, toFake: ['Date'] });
  });
  afterAll(() => {
    vi.useRealTimers();
  });

  it('is whole before the database was seen', () => {
    const { settings, warnings } = parseSettings({ DB_POOLSIZE: '3' });

    const report = reportOf({ settingWarnings: warnings, settings: redactSettings(settings) });

    expect(report).toMatchObject({
      ...build,
      node: process.versions.node,
      postgres: null,
      startedAt: startedAt.toISOString(),
      uptimeSeconds: 12,
      selfCheck: { state: 'pending', checkedAt: null, code: null },
      warnings: [
        { source: 'settings', severity: 'warning', message: expect.stringMatching(/^DB_POOLSIZE/) },
      ],
      settings: { database: { poolSize: 5 } },
    });
  });

  it('has the findings after what is questionable about the settings', () => {
    const finding = { id: 'fsync', severity: 'warning', message: 'off', advice: 'on' } as const;
    const selfCheck = {
      state: 'failed',
      checkedAt: '2026-01-01T00:00:00.000Z',
      code: 'DB_QUERY_TIMEOUT',
      findings: [finding],
    } as const;

    const report = reportOf({ selfCheck, settingWarnings: ['a'] });

    expect(report.selfCheck).toEqual({
      state: 'failed',
      checkedAt: selfCheck.checkedAt,
      code: 'DB_QUERY_TIMEOUT',
    });
    expect(report.warnings).toEqual([
      { source: 'settings', severity: 'warning', message: 'a' },
      { source: 'self-check', ...finding },
    ]);
  });

  it('shows no secret, whatever secrets there are', () => {
    const secret = fc.stringMatching(/^c4n4ry[a-z0-9]{16,30}$/);

    fc.assert(
      fc.property(secret, fc.constantFrom('development', 'test', 'production'), (canary, mode) => {
        const url = (role: string) => `postgres://${role}:${canary}@db.example/tidegauge`;
        const { settings, warnings } = parseSettings({
          NODE_ENV: mode,
          DATABASE_URL: url('app'),
          DATABASE_DIRECT_URL: url('app'),
          MIGRATION_DATABASE_URL: url('owner'),
          REPORTING_DATABASE_URL: url('reader'),
          DATABASE_REPLICA_URLS: `${url('app')},${url('app')}`,
          MANAGEMENT_TOKEN: canary,
          PGPASSWORD: canary,
          DB_PASSWORD: canary,
        });

        const report = reportOf({ settingWarnings: warnings, settings: redactSettings(settings) });

        const shown = JSON.stringify(report);
        expect(shown).not.toContain(canary);
        expect(shown.match(/\[redacted\]/g)).toHaveLength(7);
      }),
    );
  });
});
