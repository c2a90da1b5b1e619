import type { Rule } from './finding.ts';
import type { ServerFacts } from './server-facts.ts';
import { settingNumber } from './setting-number.ts';

/** What the server writes of the values of rows, and what it shows of its sessions. */
export const LOG_RULES: readonly Rule[] = [
  {
    id: 'log-parameters',
    severity: 'warning',
    judge(facts) {
      const reason = whyStatementsAreLogged(facts);
      const length = settingNumber(facts, 'log_parameter_max_length') ?? 0;
      if (reason === undefined || length === 0) return undefined;
      return {
        message: `the server logs statements (${reason}) with their parameters (log_parameter_max_length ${length}): e-mail addresses and names come into its log`,
        advice: 'ALTER SYSTEM SET log_parameter_max_length = 0, then SELECT pg_reload_conf()',
      };
    },
  },
  {
    id: 'log-parameters-on-error',
    severity: 'warning',
    judge(facts) {
      const length = settingNumber(facts, 'log_parameter_max_length_on_error') ?? 0;
      if (length === 0) return undefined;
      return {
        message: `the server logs the parameters of statements that fail (log_parameter_max_length_on_error ${length})`,
        advice: `ALTER ROLE ${facts.role.name} SET log_parameter_max_length_on_error = 0`,
      };
    },
  },
  {
    id: 'log-error-detail',
    severity: 'warning',
    judge({ settings: { log_error_verbosity: verbosity = 'terse' } }) {
      if (verbosity === 'terse') return undefined;
      return {
        message: `log_error_verbosity is ${verbosity}: the DETAIL of an error quotes the row in the server's log`,
        advice: `ALTER SYSTEM SET log_error_verbosity = 'terse', then SELECT pg_reload_conf()`,
      };
    },
  },
  {
    id: 'track-activities',
    severity: 'warning',
    judge({ settings }) {
      if (settings['track_activities'] !== 'off') return undefined;
      return {
        message: 'track_activities is off: neither /pool nor /metrics can tell what sessions do',
        advice: 'ALTER SYSTEM SET track_activities = on, then SELECT pg_reload_conf()',
      };
    },
  },
];

/** Of the settings that have statements which succeed logged with their parameters, the first. */
function whyStatementsAreLogged(facts: ServerFacts): string | undefined {
  const { log_statement: logged = 'none' } = facts.settings;
  if (logged === 'all' || logged === 'mod') return `log_statement ${logged}`;
  for (const name of ['log_min_duration_statement', 'log_min_duration_sample']) {
    const limit = settingNumber(facts, name) ?? -1;
    if (limit >= 0) return `${name} ${limit} ms`;
  }
  const rate = settingNumber(facts, 'log_transaction_sample_rate') ?? 0;
  return rate > 0 ? `log_transaction_sample_rate ${rate}` : undefined;
}
