import type { Rule, ServicePlan } from './finding.ts';
import type { ServerFacts } from './server-facts.ts';
import { settingNumber } from './setting-number.ts';

/** A password that is replaced within this needs somebody to know. */
const PASSWORD_WARNING_SECONDS = 14 * 86_400;
/** A client that vanished without a word holds its session, and its locks, for longer. */
const LONGEST_KEEPALIVE_SECONDS = 600;

/** Deadlines must end from the inside out, and connections by our doing. Milliseconds, as the server has them. */
export const LIMIT_RULES: readonly Rule[] = [
  {
    id: 'statement-timeout',
    severity: 'warning',
    judge(facts, plan) {
      const { requestTimeoutMs } = plan;
      const { statementTimeoutMs } = plan.settings;
      const limit = effectiveLimits(facts, plan).statement;
      if (limit > 0 && limit < requestTimeoutMs) return undefined;
      return {
        message: `sessions have statement_timeout ${limit === 0 ? '0 (none)' : `${limit} ms`}, and a request ends after ${requestTimeoutMs} ms (HTTP_REQUEST_TIMEOUT_MS): statements outlive the requests that they are for`,
        advice: `ALTER ROLE ${facts.role.name} SET statement_timeout = ${statementTimeoutMs}`,
      };
    },
  },
  {
    id: 'lock-timeout',
    severity: 'warning',
    judge(facts, plan) {
      const { lockTimeoutMs } = plan.settings;
      const { lock: limit, statement } = effectiveLimits(facts, plan);
      if (limit > 0 && (statement === 0 || limit < statement)) return undefined;
      return {
        message: `sessions have lock_timeout ${limit === 0 ? '0 (none)' : `${limit} ms`} and statement_timeout ${statement} ms: a wait for a lock ends as a slow statement, or never`,
        advice: `ALTER ROLE ${facts.role.name} SET lock_timeout = ${lockTimeoutMs}`,
      };
    },
  },
  {
    id: 'idle-in-transaction-timeout',
    severity: 'warning',
    judge(facts, plan) {
      const { idleInTransactionTimeoutMs } = plan.settings;
      if (effectiveLimits(facts, plan).idleInTransaction > 0) return undefined;
      return {
        message:
          'sessions have idle_in_transaction_session_timeout 0 (none): a transaction that nobody ends keeps its locks, and its dead rows, for ever',
        advice: `ALTER ROLE ${facts.role.name} SET idle_in_transaction_session_timeout = ${idleInTransactionTimeoutMs}`,
      };
    },
  },
  {
    id: 'transaction-timeout',
    severity: 'warning',
    judge(facts, { requestTimeoutMs }) {
      const limit = settingNumber(facts, 'transaction_timeout') ?? 0;
      if (limit === 0 || limit > requestTimeoutMs) return undefined;
      return {
        message: `the server closes connections whose transaction lasts ${limit} ms (transaction_timeout), and a request may last ${requestTimeoutMs} ms (HTTP_REQUEST_TIMEOUT_MS)`,
        advice: `ALTER ROLE ${facts.role.name} SET transaction_timeout = ${2 * requestTimeoutMs}, or 0`,
      };
    },
  },
  {
    id: 'idle-session-timeout',
    severity: 'warning',
    judge(facts, { settings: { maxLifetimeMs } }) {
      const limit = settingNumber(facts, 'idle_session_timeout') ?? 0;
      if (limit === 0 || limit > maxLifetimeMs) return undefined;
      return {
        message: `the server closes idle sessions after ${limit} ms (idle_session_timeout), the pool after ${maxLifetimeMs} ms (DB_MAX_LIFETIME_MS): connections are found dead when they are wanted`,
        advice: `ALTER ROLE ${facts.role.name} SET idle_session_timeout = 0, or a DB_MAX_LIFETIME_MS below ${limit}`,
      };
    },
  },
  {
    id: 'client-check-interval',
    severity: 'warning',
    judge(facts) {
      if (settingNumber(facts, 'client_connection_check_interval') !== 0) return undefined;
      return {
        message:
          'client_connection_check_interval is 0: statements of a service that was killed run on, with their locks',
        advice: `ALTER ROLE ${facts.role.name} SET client_connection_check_interval = '1s', on a server that runs on Linux, macOS or a BSD`,
      };
    },
  },
  {
    id: 'keepalive',
    severity: 'info',
    judge(facts) {
      const idle = settingNumber(facts, 'tcp_keepalives_idle') ?? 0;
      if (idle <= LONGEST_KEEPALIVE_SECONDS) return undefined;
      return {
        message: `the server looks after ${idle} s for a client that has gone without a word (tcp_keepalives_idle)`,
        advice: `ALTER ROLE ${facts.role.name} SET tcp_keepalives_idle = 60`,
      };
    },
  },
  {
    id: 'password-expires',
    severity: 'warning',
    judge({ role: { name, passwordSecondsLeft, passwordExpiresAt } }, { settings }) {
      if (passwordSecondsLeft === undefined) return undefined;
      if (passwordSecondsLeft > PASSWORD_WARNING_SECONDS) return undefined;
      const when = passwordSecondsLeft > 0 ? 'expires' : 'expired';
      return {
        message: `the password of the role ${name} ${when} at ${passwordExpiresAt ?? ''}: after it no connection can be opened, and the open ones end within ${settings.maxLifetimeMs} ms (DB_MAX_LIFETIME_MS)`,
        advice: `ALTER ROLE ${name} PASSWORD … VALID UNTIL …; DATABASE_PASSWORD_FILE takes a new one without a restart`,
      };
    },
  },
];

/** Milliseconds, 0 = none: of the session, or, behind a transaction pooler, what every transaction brings along. */
function effectiveLimits(
  facts: ServerFacts,
  { settings }: ServicePlan,
): Readonly<Record<'statement' | 'lock' | 'idleInTransaction', number>> {
  if (settings.pooler === 'pgbouncer') {
    return {
      statement: settings.statementTimeoutMs,
      lock: settings.lockTimeoutMs,
      idleInTransaction: settings.idleInTransactionTimeoutMs,
    };
  }
  return {
    statement: settingNumber(facts, 'statement_timeout') ?? 0,
    lock: settingNumber(facts, 'lock_timeout') ?? 0,
    idleInTransaction: settingNumber(facts, 'idle_in_transaction_session_timeout') ?? 0,
  };
}
