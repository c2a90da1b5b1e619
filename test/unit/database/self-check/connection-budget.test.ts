import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FindingText } from '#database/self-check/finding.ts';
import { BUDGET_RULES } from '#database/self-check/connection-budget.ts';
import { judgeServer } from '#database/self-check/judge-server.ts';
import type { FactsOverrides } from '#test/support/server-facts-of.ts';
import { serverFactsOf, servicePlanOf } from '#test/support/server-facts-of.ts';

type Env = Readonly<Record<string, string>>;
const BUDGET_IDS: ReadonlySet<string> = new Set(BUDGET_RULES.map(({ id }) => id));

function budgetOf(overrides: FactsOverrides, env: Env): FindingText | undefined {
  const facts = serverFactsOf(overrides);
  return judgeServer({ ...facts, facts }, servicePlanOf(env)).find(({ id }) => BUDGET_IDS.has(id));
}

const room = (most: number, forSuperusers = 3, reserved = 0): FactsOverrides => ({
  settings: {
    max_connections: String(most),
    superuser_reserved_connections: String(forSuperusers),
    reserved_connections: String(reserved),
  },
});

describe('the budget of connections', () => {
  it('says how many all instances may open, how many there are, and what would fit', () => {
    expect(budgetOf(room(100, 3, 7), { DB_INSTANCES: '5' })).toMatchObject({
      message:
        '5 × (DB_POOL_SIZE 5 + DB_MAX_OVERFLOW 10 + 4 for probe, figures and cancels) = 95 connections of all instances, and the server has room for 90 (max_connections 100 - superuser_reserved_connections 3 - reserved_connections 7)',
      advice:
        'a DB_POOL_SIZE + DB_MAX_OVERFLOW of 14 at most fits, or raise max_connections to 105 at least, and restart the server',
    });
  });

  it('says how many instances would fit when no pool does', () => {
    expect(budgetOf(room(23), { DB_INSTANCES: '10' })?.advice).toMatch(
      /^no pool fits: 4 instances at most do, with a DB_POOL_SIZE of 1 and a DB_MAX_OVERFLOW of 0, or/,
    );
    expect(budgetOf(room(7), {})?.advice).toMatch(/^no pool fits, or/);
  });

  it('knows servers that have no reserved_connections', () => {
    const facts = serverFactsOf(room(100));
    const { reserved_connections: _absent, ...settings } = facts.settings;
    const old = { ...facts, settings };

    const [finding] = judgeServer({ ...old, facts: old }, servicePlanOf({ DB_INSTANCES: '6' }));

    expect(finding?.message).toContain('room for 97');
  });

  it('counts pools of reports and replicas on the same server, as other roles and databases alone', () => {
    const env = {
      REPORTING_DATABASE_URL: 'postgres://reader@DB:5432/tidegauge',
      DB_REPORTING_POOL_SIZE: '3',
      DATABASE_REPLICA_URLS: 'postgres://app@db:5433/tidegauge,postgres://app@db/tidegauge',
    };

    // 2 pools of 19, and 3 + 3 for reports.
    expect(budgetOf(room(46), env)?.message).toMatch(
      /^1 × \(2 pools × \(.*\) \+ 6 for reports\) = 44 connections of all instances, and the server has room for 43 /,
    );
    expect(budgetOf(room(46), env)?.advice).toMatch(/ of 14 at most fits/);
    expect(budgetOf(room(47), env)).toBeUndefined();
    expect(budgetOf({ role: { connectionLimit: 37 } }, env)?.message).toMatch(
      / = 38 .*app may have 37/,
    );
    expect(budgetOf({ role: { connectionLimit: 38 } }, env)).toBeUndefined();
  });

  it('is the pooler’s where there is one', () => {
    expect(budgetOf(room(10), { DB_POOLER: 'pgbouncer' })).toBeUndefined();
  });

  it('advises what fits, and not one connection less', () => {
    fc.assert(
      fc.property(
        fc.record({
          instances: fc.integer({ min: 1, max: 50 }),
          most: fc.integer({ min: 10, max: 500 }),
          bound: fc.integer({ min: 1, max: 100 }),
        }),
        ({ instances, most, bound }) => {
          const envOf = (size: number) => ({
            DB_INSTANCES: String(instances),
            DB_POOL_SIZE: String(size),
            DB_MAX_OVERFLOW: '0',
          });
          const advice = budgetOf(room(most), envOf(bound))?.advice ?? '';
          const [, fits] = /OVERFLOW of (\d+) at most fits/.exec(advice) ?? [];
          const [, needed] = /max_connections to (\d+) at least/.exec(advice) ?? [];

          const exceeds = (count: number, size: number) =>
            budgetOf(room(count), envOf(size)) !== undefined;
          expect(advice === '').toBe(!exceeds(most, bound));
          expect(fits === undefined || !exceeds(most, Number(fits))).toBe(true);
          expect(fits === undefined || exceeds(most, Number(fits) + 1)).toBe(true);
          expect(needed === undefined || !exceeds(Number(needed), bound)).toBe(true);
          expect(needed === undefined || exceeds(Number(needed) - 1, bound)).toBe(true);
        },
      ),
    );
  });
});
