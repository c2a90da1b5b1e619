import type { DatabaseConnection } from '#database/database-options.ts';
import type { FindingText, Rule, ServicePlan } from './finding.ts';
import { settingNumber } from './setting-number.ts';

type Address = Omit<DatabaseConnection, 'password' | 'passwordFile'>;

/** Outside of each pool: the probe, the figures, two requests to cancel. */
const BESIDE_A_POOL = 4;
/** Outside of the pool of reports, which has no probe. */
const BESIDE_REPORTS = 3;

/** How many connections there is room for, and by what that is limited. */
interface Room {
  readonly count: number;
  /** In words with numbers. */
  readonly limit: string;
  /** What to raise, to how much. */
  readonly raise: (needed: number) => string;
}

/** What all instances may open must fit in what there is. Behind a pooler the budget is the pooler's. */
export const BUDGET_RULES: readonly Rule[] = [
  {
    id: 'connections-exceed-server',
    severity: 'warning',
    judge(facts, plan) {
      const most = settingNumber(facts, 'max_connections');
      if (most === undefined) return undefined;
      const forSuperusers = settingNumber(facts, 'superuser_reserved_connections') ?? 0;
      const reserved = settingNumber(facts, 'reserved_connections') ?? 0;
      const room: Room = {
        count: most - forSuperusers - reserved,
        limit: `the server has room for ${most - forSuperusers - reserved} (max_connections ${most} - superuser_reserved_connections ${forSuperusers} - reserved_connections ${reserved})`,
        raise: (needed) =>
          `raise max_connections to ${needed + forSuperusers + reserved} at least, and restart the server`,
      };
      return judgeRoom(room, plan, () => true);
    },
  },
  {
    id: 'connections-exceed-role-limit',
    severity: 'warning',
    judge({ role }, plan) {
      if (role.connectionLimit < 0 || role.isSuperuser) return undefined;
      const room: Room = {
        count: role.connectionLimit,
        limit: `the role ${role.name} may have ${role.connectionLimit} (CONNECTION LIMIT)`,
        raise: (needed) => `ALTER ROLE ${role.name} CONNECTION LIMIT ${needed}`,
      };
      return judgeRoom(room, plan, ({ user }) => user === plan.connection.user);
    },
  },
  {
    id: 'connections-exceed-database-limit',
    severity: 'warning',
    judge({ database, role }, plan) {
      if (database.connectionLimit < 0 || role.isSuperuser) return undefined;
      const room: Room = {
        count: database.connectionLimit,
        limit: `the database ${database.name} takes ${database.connectionLimit} (CONNECTION LIMIT)`,
        raise: (needed) => `ALTER DATABASE ${database.name} CONNECTION LIMIT ${needed}`,
      };
      return judgeRoom(room, plan, (pool) => pool.database === plan.connection.database);
    },
  },
];

function judgeRoom(
  { count, limit, raise }: Room,
  plan: ServicePlan,
  isCounted: (pool: Address) => boolean,
): FindingText | undefined {
  const { instances, poolSize, maxOverflow, pooler, reporting, reportingPoolSize } = plan.settings;
  if (pooler !== 'none') return undefined;
  const isHere = (pool: Address) => isSameServer(pool, plan.connection) && isCounted(pool);
  const pools = 1 + plan.settings.replicas.filter(isHere).length;
  const reports =
    reporting !== undefined && isHere(reporting) ? reportingPoolSize + BESIDE_REPORTS : 0;
  const needed = instances * (pools * (poolSize + maxOverflow + BESIDE_A_POOL) + reports);
  if (needed <= count) return undefined;
  const pool = `${pools === 1 ? '' : `${pools} pools × `}(DB_POOL_SIZE ${poolSize} + DB_MAX_OVERFLOW ${maxOverflow} + ${BESIDE_A_POOL} for probe, figures and cancels)`;
  const each = reports === 0 ? pool : `(${pool} + ${reports} for reports)`;
  const bound = Math.floor((Math.floor(count / instances) - reports) / pools) - BESIDE_A_POOL;
  const least = pools * (1 + BESIDE_A_POOL) + reports;
  return {
    message: `${instances} × ${each} = ${needed} connections of all instances, and ${limit}`,
    advice: `${fitting(bound, Math.floor(count / least))}, or ${raise(needed)}`,
  };
}

/** What would do: a pool, else fewer instances with the smallest one. */
function fitting(bound: number, instances: number): string {
  if (bound >= 1) return `a DB_POOL_SIZE + DB_MAX_OVERFLOW of ${bound} at most fits`;
  return instances >= 1
    ? `no pool fits: ${instances} instances at most do, with a DB_POOL_SIZE of 1 and a DB_MAX_OVERFLOW of 0`
    : 'no pool fits';
}

function isSameServer(one: Address, other: Address): boolean {
  return one.host.toLowerCase() === other.host.toLowerCase() && one.port === other.port;
}
