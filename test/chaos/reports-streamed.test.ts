import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Figures } from '#test/support/chaos/figures.ts';
import { rounds } from '#test/support/chaos/rounds.ts';
import { createReader } from '#test/support/reader-role.ts';
import type { ReaderRole } from '#test/support/reader-role.ts';
import { parseExposition } from '#test/support/exposition.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';

const MOST_GROWTH_MB = 64;
const MOST_DELAY_MS = 100;
const SAMPLE_MS = 200;
const DAY_MS = 86_400_000;

const WHOLE_REPORT = fileURLToPath(
  new URL('../support/chaos/whole-report-service.ts', import.meta.url),
);

const run = promisify(execFile);

/** What a service was seen to take while it answered. */
interface Taken {
  readonly bytes: number;
  readonly growthMb: number;
  readonly p99Ms: number;
  /** The same of this process, which does little: what the machine adds. */
  readonly machineMs: number;
  readonly seconds: number;
}

/** The path of a report of so many days. */
function reportOf(days: number): string {
  const to = new Date(Date.parse('0001-01-01T00:00:00Z') + days * DAY_MS);
  return `/reports/signups?from=0001-01-01&to=${to.toISOString()}`;
}

/** Megabytes, past the service, whose event loop is measured from scrape to scrape. */
async function residentMb({ pid }: ServiceProcess): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1024;
}

/** 99th percentile of the event loop's delay since the last call. */
async function delayMs({ url }: ServiceProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lag = parseExposition(text, 'text').find(
    ({ name }) => name === 'nodejs_eventloop_lag_p99_seconds',
  );
  return (lag?.samples[0]?.value ?? NaN) * 1000;
}

/** Reads an answer to its end, and watches the service meanwhile. */
async function watched(service: ServiceProcess, path: string): Promise<Taken> {
  const before = await residentMb(service);
  const seen: Promise<number>[] = [];
  await delayMs(service);
  const machine = monitorEventLoopDelay({ resolution: 10 });
  machine.enable();
  const startedAt = performance.now();
  const watch = setInterval(() => seen.push(residentMb(service)), SAMPLE_MS);
  let bytes = 0;
  let last = '';
  try {
    const response = await fetch(`${service.url}${path}`);
    expect(response.status).toBe(200);
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      last = `${last}${Buffer.from(chunk).toString()}`.slice(-2);
    }
  } finally {
    clearInterval(watch);
    machine.disable();
  }
  expect(last).toBe(']}');
  seen.push(residentMb(service));
  return {
    bytes,
    growthMb: Math.round(Math.max(...(await Promise.all(seen))) - before),
    p99Ms: Math.round(await delayMs(service)),
    machineMs: Math.round(machine.percentile(99) / 1e6),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  };
}

describe('F43: a report of many rows', () => {
  const figures = new Figures('F43', rounds.reportRows);
  let database: TestDatabase;
  let reader: ReaderRole;

  beforeAll(async () => {
    database = await TestDatabase.create();
    reader = await createReader(database);
  });
  afterAll(async () => {
    await reader[Symbol.asyncDispose]();
    await database.drop();
  });
  afterAll(figures.publish);

  async function started(entry?: string): Promise<ServiceProcess> {
    const service = await ServiceProcess.start({
      ...(entry !== undefined && { entry }),
      env: {
        NODE_ENV: 'production',
        DATABASE_URL: database.url,
        REPORTING_DATABASE_URL: reader.url,
        HTTP_STREAM_TIMEOUT_MS: '600000',
        SHUTDOWN_DRAIN_MS: '0',
      },
    });
    await service.logged('service.ready');
    return service;
  }

  it('is streamed in little memory, and keeps the event loop free', async () => {
    await using service = await started();
    // What is compiled, and the young generation, are there before.
    await watched(service, reportOf(20_000));

    const { bytes, growthMb, p99Ms, machineMs, seconds } = await watched(
      service,
      reportOf(rounds.reportRows),
    );

    figures.note('answer', `${Math.round(bytes / 1e6)} MB in ${seconds} s`);
    figures.note('growth of resident memory', `${growthMb} MB`);
    figures.note('delay of the event loop, p99', `${p99Ms} ms, of the test ${machineMs} ms`);
    expect(growthMb).toBeLessThan(MOST_GROWTH_MB);
    expect(p99Ms - machineMs).toBeLessThan(MOST_DELAY_MS);
  });

  it('control: takes more where it is loaded as one array', async () => {
    await using service = await started(WHOLE_REPORT);
    await watched(service, '/whole/20000');

    const { growthMb, p99Ms } = await watched(service, `/whole/${rounds.reportRows}`);

    figures.control('growth of resident memory', `${growthMb} MB`);
    figures.control('delay of the event loop, p99', `${p99Ms} ms`);
    expect(growthMb).toBeGreaterThan(MOST_GROWTH_MB);
  });
});
