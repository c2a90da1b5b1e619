import type { Express } from 'express';
import { z } from 'zod';
import { createApp, createManagementApp, type AppDependencies } from '#http/app.ts';
import type { ListenerSettings, LogLevel } from '#config/settings.ts';
import type { PoolReport } from '#database/pool/pool-report.ts';
import type { TopStatementsReport } from '#database/server/top-statements.ts';
import { etagOf } from '#http/etag.ts';
import type { HealthSnapshot } from '#http/health-source.ts';
import type { InfoReport } from '#http/info-route.ts';
import type { LeveledLog } from '#http/loglevel-routes.ts';
import { serializeError } from '#telemetry/serialize-error.ts';
import type { RequestEnd } from '#http/http-observer.ts';
import { cursorParam, limitParam, pageSchema } from '#http/pagination.ts';
import type { SessionRunner } from '#http/request-session.ts';
import { defineRoute, type Route } from '#http/route.ts';
import { text } from '#http/text.ts';
import { uuidParam } from '#http/uuid-param.ts';

export const ID = '0198c0de-7a11-7000-8000-000000000001';

/** A line as the log was given it. */
export interface LogLine {
  readonly level: string;
  readonly event?: string;
  readonly [field: string]: unknown;
}

/** Keeps what the HTTP layer says, its errors as the service's log would write them. */
export class RecordingLog implements LeveledLog {
  readonly lines: LogLine[] = [];
  level: LogLevel = 'info';

  debug = (fields: object) => this.#keep('debug', fields);
  info = (fields: object) => this.#keep('info', fields);
  warn = (fields: object) => this.#keep('warn', fields);
  error = (fields: object) => this.#keep('error', fields);

  #keep(level: string, fields: object): void {
    const { err, ...rest } = { err: undefined, ...fields };
    this.lines.push({
      level,
      ...rest,
      ...('err' in fields && { err: serializeError(err) }),
    });
  }
}

/** A report with everything that one can have. */
export const poolReport: PoolReport = {
  pool: 'main',
  verdict: 'healthy',
  reason: '1 of 15 connections are in use, nobody waits',
  max: 15,
  size: 5,
  idle: 4,
  used: 1,
  connecting: 0,
  waiting: 0,
  total: 5,
  leaked: 0,
  oldestWaitMs: 0,
  oldestUseMs: 12,
  holders: [
    {
      name: 'GET /items',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      heldMs: 12,
      pid: 4711,
      transaction: 'open',
      lastQuery: 'SELECT items',
      queryMs: 3,
      isLeaked: true,
      stack: 'Error: at handler',
      server: {
        state: 'active',
        waitEventType: 'Lock',
        waitEvent: 'tuple',
        blockedBy: [4712],
        queryMs: 3,
        transactionMs: 12,
      },
    },
  ],
  waiters: [{ name: 'POST /items', traceId: '0af7651916cd43dd8448eb211c80319c', waitedMs: 7 }],
  connect: { mayTry: false, lastError: { code: 'DB_CONNECT_REFUSED', message: 'refused' } },
  server: { answer: 'failed', error: { code: 'DB_CONNECT_REFUSED', message: 'refused' } },
};

/** Statements with everything that one can have. */
export function statementsReport(limit: number): TopStatementsReport {
  const statement = {
    queryId: '-4711',
    sql: 'select * from items where id = $1',
    calls: 4,
    rows: 3,
    totalMs: 8,
    meanMs: 2,
    maxMs: 5,
    share: 0.25,
    cacheHitShare: 0.99,
  };
  return {
    state: 'available',
    since: '2026-01-02T03:04:05.000Z',
    statements: Array.from({ length: Math.min(limit, 3) }, () => statement),
  };
}
/** A report with everything that one can have. */
export const infoReport: InfoReport = {
  name: 'test',
  version: '1.2.3',
  commit: 'unknown',
  node: '24.0.0',
  postgres: '18.4',
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeSeconds: 12,
  selfCheck: { state: 'failed', checkedAt: '2026-01-01T00:00:01.000Z', code: 'DB_QUERY_TIMEOUT' },
  warnings: [
    { source: 'settings', severity: 'warning', message: 'DB_POOLSIZE is not a setting' },
    {
      source: 'self-check',
      severity: 'warning',
      id: 'fsync',
      message: 'fsync is off',
      advice: 'ALTER SYSTEM SET fsync = on',
    },
  ],
  settings: { http: { port: 0 } },
};

/** One session as a request asked for it, and how it ended. */
export interface RecordedSession {
  readonly name: string | undefined;
  readonly readOnly: boolean | undefined;
  outcome: 'open' | 'commit' | 'rollback';
}

/** Sessions without a database behind them: only their order and their end are real. */
class RecordingSessions implements SessionRunner {
  readonly sessions: RecordedSession[] = [];

  async session<T>(
    work: () => Promise<T>,
    options: {
      readonly name?: string;
      readonly readOnly?: boolean;
      readonly onCommit?: () => void;
    } = {},
  ): Promise<T> {
    const session: RecordedSession = {
      name: options.name,
      readOnly: options.readOnly,
      outcome: 'open',
    };
    this.sessions.push(session);
    try {
      const result = await work();
      if (options.readOnly !== true) options.onCommit?.();
      session.outcome = 'commit';
      return result;
    } catch (error) {
      session.outcome = 'rollback';
      throw error;
    }
  }
}

const item = z.object({ id: z.string(), name: z.string(), count: z.number() });
const newItem = z.strictObject({
  name: text({ max: 20 }),
  count: z.int().min(0).default(0),
  tags: z.array(text({ max: 5 })).optional(),
});

/** A small resource: everything a real one does to the HTTP layer, without a table. */
export const itemRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/items',
    operationId: 'listItems',
    summary: 'List items',
    tags: ['items'],
    query: z.strictObject({ limit: limitParam, cursor: cursorParam }),
    responses: { 200: { description: 'A page.', schema: pageSchema(item) } },
    errors: [],
    handler: () => Promise.resolve({ status: 200, body: { items: [], nextCursor: null } }),
  }),
  defineRoute({
    method: 'post',
    path: '/items',
    operationId: 'createItem',
    summary: 'Add an item',
    tags: ['items'],
    body: newItem,
    responses: {
      201: { description: 'The item.', schema: item, headers: { Location: 'Its path.' } },
    },
    errors: ['DB_UNIQUE'],
    handler: ({ body: { name, count } }) =>
      Promise.resolve({
        status: 201,
        body: { id: ID, name, count },
        headers: { Location: `/items/${ID}` },
      }),
  }),
  defineRoute({
    method: 'get',
    path: '/items/:id',
    operationId: 'getItem',
    summary: 'Read an item',
    tags: ['items'],
    params: z.strictObject({ id: uuidParam }),
    responses: { 200: { description: 'The item.', schema: item, headers: { ETag: 'Version.' } } },
    errors: ['NOT_FOUND'],
    etag: true,
    handler: ({ params }) =>
      Promise.resolve({
        status: 200,
        body: { id: params.id, name: 'thing', count: 1 },
        headers: { ETag: etagOf(3) },
      }),
  }),
  defineRoute({
    method: 'delete',
    path: '/items/:id',
    operationId: 'deleteItem',
    summary: 'Remove an item',
    tags: ['items'],
    params: z.strictObject({ id: uuidParam }),
    responses: { 204: { description: 'Gone.' } },
    errors: ['NOT_FOUND', 'PRECONDITION_FAILED'],
    handler: () => Promise.resolve({ status: 204 }),
  }),
];

/** A GET (or another method) at `/work` that does `work`, to see what becomes of its end. */
export function workRoute(
  work: (signal: AbortSignal) => Promise<void>,
  overrides: Partial<Pick<Route, 'method' | 'constraints' | 'repeatable'>> = {},
): Route {
  return defineRoute({
    method: 'post',
    path: '/work',
    operationId: 'work',
    summary: 'Work',
    tags: [],
    responses: { 204: { description: 'Done.' } },
    errors: [],
    ...overrides,
    handler: async ({ signal }) => {
      await work(signal);
      return { status: 204 };
    },
  });
}

/** The HTTP settings of tests: short times, small bounds. */
export const httpSettings: AppDependencies['settings']['http'] = {
  host: '127.0.0.1',
  port: 0,
  mayMovePort: false,
  requestTimeoutMs: 2000,
  streamTimeoutMs: 10_000,
  bodyLimitBytes: 102_400,
  headersTimeoutMs: 1000,
  receiveTimeoutMs: 2000,
  keepAliveMs: 5000,
  maxConnections: 1000,
  maxInFlight: 100,
  trustProxy: false,
  trustTraceHeaders: false,
  corsOrigins: [],
};

/** An app over recorders. */
export interface TestApp {
  readonly app: Express;
  /** What a management listener would serve. */
  readonly management: Express;
  /** Evictions that were asked for. */
  readonly evictions: number;
  readonly log: RecordingLog;
  readonly sessions: RecordedSession[];
  readonly started: string[];
  readonly ended: RequestEnd[];
}

type Overrides = Partial<Omit<AppDependencies, 'settings'>> & {
  readonly http?: Partial<AppDependencies['settings']['http']>;
  readonly environment?: 'development' | 'test' | 'production';
  readonly token?: AppDependencies['settings']['management']['token'];
  readonly listener?: ListenerSettings;
};

const healthy: HealthSnapshot = { state: 'up', message: 'all is well', checks: {} };

export function testApp({
  http,
  environment,
  token,
  listener,
  ...overrides
}: Overrides = {}): TestApp {
  const log = new RecordingLog();
  const runner = new RecordingSessions();
  const started: string[] = [];
  const ended: RequestEnd[] = [];
  let evictions = 0;
  const dependencies: AppDependencies = {
    routes: itemRoutes,
    sessionManager: runner,
    health: { snapshot: () => healthy },
    metrics: {
      render: (accept) =>
        Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: `# ${accept ?? ''}\n` }),
    },
    pool: {
      report: () => Promise.resolve({ ...poolReport, pools: [] }),
      evict() {
        evictions += 1;
        return { pool: 'main', retired: 4, retiring: 1, pools: [] };
      },
    },
    topStatements: (limit) => Promise.resolve(statementsReport(limit)),
    about: () => infoReport,
    info: { name: 'test', version: '1.2.3' },
    settings: {
      environment: environment ?? 'development',
      http: { ...httpSettings, ...http },
      management: { token, listener },
    },
    log,
    observer: {
      requestStarted: ({ method }) => started.push(method),
      requestEnded: (event) => ended.push(event),
    },
    ...overrides,
  };
  return {
    app: createApp(dependencies),
    management: createManagementApp(dependencies),
    get evictions() {
      return evictions;
    },
    log,
    sessions: runner.sessions,
    started,
    ended,
  };
}
