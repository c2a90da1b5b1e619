import type pg from 'pg';
import { advisoryLockKey } from '#database/advisory-lock-key.ts';
import { commitError } from '#database/commit-error.ts';
import { DatabaseError } from '#database/database-error.ts';
import type { CatalogState } from './catalog-state.ts';
import { requestedRoles } from './provision-request.ts';
import type { ProvisionRequest } from './provision-request.ts';
import { quoted } from './provision-step.ts';
import type { ProvisionStep } from './provision-step.ts';

const LOCK_KEY = advisoryLockKey('tidegauge provision');
const LOCK_TIMEOUT = '60s';

/** No right; not supported, or not a setting, or not a value of it on this server. */
const REFUSALS = new Set(['42501', '0A000', '42704', '22023']);
/** Warnings of a GRANT or REVOKE that did nothing. */
const WITHOUT_EFFECT = new Set(['01006', '01007']);
/** Since then, to administer a role is not to have its rights. */
const MEMBERSHIP_OPTIONS_SINCE = 16;

/** What is read of a warning. */
interface Notice {
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** $1: a role, $2: what pg_has_role must say of it. `options`: of the membership that the administrator gave himself; null = none. */
const MEMBERSHIP = `
  select (select bool_and(pg_has_role(r.oid, needed)) from unnest($2::text[]) as needed) as "isEnough",
    (select format(' WITH INHERIT %s, SET %s', to_jsonb(m) -> 'inherit_option', to_jsonb(m) -> 'set_option')
      from pg_auth_members m join pg_roles a on a.oid = m.member
      where m.roleid = r.oid and m.grantor = m.member and a.rolname = current_user) as "options"
  from pg_roles r where r.rolname = $1`;

interface Membership {
  readonly isEnough: boolean;
  readonly options: string | null;
}

/** The one transaction of a run, in which a step that is refused takes nothing else with it. */
export class ProvisionTransaction {
  readonly #client: pg.Client;
  readonly #state: CatalogState;
  readonly #roles: readonly string[];
  /** Statements that leave the administrator the memberships that he had before the run. */
  readonly #giveBack: string[] = [];
  readonly #considered = new Set<string>();

  constructor(client: pg.Client, state: CatalogState, request: ProvisionRequest) {
    this.#client = client;
    this.#state = state;
    this.#roles = requestedRoles(request).map(({ login }) => login.user);
  }

  /** Begins it, under the lock of this database where the administrator may take one. */
  async begin(): Promise<void> {
    await this.#client.query('BEGIN');
    await this.#attempt([
      `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`,
      `SELECT pg_advisory_xact_lock(${LOCK_KEY})`,
      'SET LOCAL lock_timeout = DEFAULT',
    ]);
  }

  /**
   * Makes a step. Resolves to the server's words when it refuses.
   *
   * @throws DatabaseError `DB_PERMISSION` when it refuses one that the service needs
   */
  async make(step: ProvisionStep): Promise<string | undefined> {
    await this.#borrowRoles();
    const refusal = await this.#attempt(step.sql);
    if (refusal === undefined || !step.isEssential) return refusal;
    throw new DatabaseError(
      'DB_PERMISSION',
      `the role ${this.#state.administrator.name} may not do what the service needs: ${step.change} (${refusal})`,
    );
  }

  /**
   * Ends it, and gives back what was borrowed; also after any failure, that of `begin` included.
   *
   * @throws DatabaseError `DB_COMMIT_UNKNOWN` when the commit was sent and not answered
   */
  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (how === 'COMMIT') {
      for (const statement of this.#giveBack) await this.#client.query(statement);
    }
    try {
      await this.#client.query(how);
    } catch (error) {
      throw how === 'COMMIT' ? commitError(error) : error;
    }
  }

  /** Whoever is no superuser changes what a role owns as a member of it alone. */
  async #borrowRoles(): Promise<void> {
    const { major, administrator } = this.#state;
    if (administrator.isSuperuser) return;
    for (const role of this.#roles.filter((name) => !this.#considered.has(name))) {
      const { needed, options } =
        major < MEMBERSHIP_OPTIONS_SINCE
          ? { needed: ['MEMBER'], options: '' }
          : { needed: ['USAGE', 'SET'], options: ' WITH INHERIT TRUE, SET TRUE' };
      const { rows } = await this.#client.query<Membership>(MEMBERSHIP, [role, needed]);
      const [membership] = rows;
      if (membership === undefined) continue;
      this.#considered.add(role);
      if (membership.isEnough) continue;
      const grant = `GRANT ${quoted(role)} TO CURRENT_USER`;
      if ((await this.#attempt([grant + options])) !== undefined) continue;
      this.#giveBack.push(
        membership.options === null
          ? `REVOKE ${quoted(role)} FROM CURRENT_USER`
          : grant + membership.options,
      );
    }
  }

  async #attempt(sql: readonly string[]): Promise<string | undefined> {
    const warnings: string[] = [];
    const listen = ({ code, message }: Notice) => {
      if (WITHOUT_EFFECT.has(code ?? '')) warnings.push(message ?? '');
    };
    this.#client.on('notice', listen);
    try {
      await this.#client.query('SAVEPOINT step');
      for (const statement of sql) await this.#client.query(statement);
      await this.#client.query('RELEASE SAVEPOINT step');
      return warnings[0];
    } catch (error) {
      const { code } = error instanceof Error && 'code' in error ? error : {};
      if (!(error instanceof Error) || !REFUSALS.has(String(code))) throw error;
      await this.#client.query('ROLLBACK TO SAVEPOINT step');
      return error.message;
    } finally {
      this.#client.off('notice', listen);
    }
  }
}
