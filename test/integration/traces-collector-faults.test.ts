import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OtlpReceiver } from '#test/support/otlp-receiver.ts';
import type { Answer } from '#test/support/otlp-receiver.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { until } from '#test/support/until.ts';

const REQUESTS = 600;
const AT_ONCE = 10;
const QUEUE = 100;
const REPEAT_AFTER_MS = 30_000;

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(async () => {
  await database.drop();
});

/** Starts the service against a collector; its queue holds a fraction of the spans of the requests of a test. */
const start = (url: string) =>
  ServiceProcess.start({
    env: {
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BSP_MAX_QUEUE_SIZE: String(QUEUE),
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '50',
      OTEL_BSP_EXPORT_TIMEOUT: '1000',
      LOG_LEVEL: 'debug',
    },
  });

/** Asks again and again, a few at once; resolves to the statuses and to the milliseconds of the slowest. */
async function load(
  url: string,
): Promise<{ readonly statuses: number[]; readonly slowest: number }> {
  const statuses = new Set<number>();
  let slowest = 0;
  let left = REQUESTS;
  const ask = async () => {
    while (left > 0) {
      left -= 1;
      const startedAt = performance.now();
      const answer = await fetch(`${url}/users?limit=1`);
      await answer.arrayBuffer();
      slowest = Math.max(slowest, performance.now() - startedAt);
      statuses.add(answer.status);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return { statuses: [...statuses], slowest };
}

async function dropped(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^otel_spans_dropped_total (\d+)/m.exec(text)?.[1]);
}

const complaints = (service: ServiceProcess) =>
  service.logs.filter(({ event }) => event === 'otel.export.failed');

describe('a collector that fails', () => {
  it.each<[string, Answer | 'closed', RegExp]>([
    ['refuses connections', 'closed', /^ECONNREFUSED$/],
    ['takes an export and never answers', 'never', /^timeout$/],
    ['answers with an error that lasts', 400, /^HTTP 400$/],
    ['answers with an error that passes', 503, /^unavailable$/],
  ])(
    '%s: no request suffers, lost spans are counted, one line says it',
    async (_case, answer, reason) => {
      await using receiver = await OtlpReceiver.start();
      const { url } = receiver;
      if (answer === 'closed') {
        await receiver[Symbol.asyncDispose]();
      } else {
        receiver.answer = answer;
      }
      await using service = await start(url);
      await service.logged('service.ready');

      const loadedAt = performance.now();

      const { statuses, slowest } = await load(service.url);
      const complaint = await service.logged('otel.export.failed');
      const lost = await until('spans are lost', async () => {
        const count = await dropped(service.url);
        return count > REQUESTS ? count : undefined;
      });
      const stopAt = performance.now();
      const code = await service.stop();

      expect(statuses).toEqual([200]);
      // A request that waited for an export would take its timeout at least.
      expect(slowest).toBeLessThan(2000);
      expect(lost).toBeLessThanOrEqual(3 * REQUESTS + QUEUE);
      expect(complaint).toMatchObject({ level: 'warn', reason: expect.stringMatching(reason) });
      expect(complaint).not.toHaveProperty('trace_id');
      expect(complaints(service).length).toBeLessThanOrEqual(
        1 + Math.floor((performance.now() - loadedAt) / REPEAT_AFTER_MS),
      );
      expect(code).toBe(0);
      expect(performance.now() - stopAt).toBeLessThan(10_000);
      expect(receiver.spans).toEqual([]);
    },
  );

  it('control: one that takes them gets every span, and nobody complains', async () => {
    await using receiver = await OtlpReceiver.start();
    await using service = await ServiceProcess.start({
      env: {
        DATABASE_URL: database.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_BSP_SCHEDULE_DELAY: '20',
      },
    });
    await service.logged('service.ready');

    const { statuses } = await load(service.url);
    const lost = await dropped(service.url);
    await service.stop();

    const listings = receiver.spans.filter(({ name }) => name === 'GET /users');
    expect(statuses).toEqual([200]);
    expect(lost).toBe(0);
    expect(complaints(service)).toEqual([]);
    expect(listings).toHaveLength(REQUESTS);
  });
});
