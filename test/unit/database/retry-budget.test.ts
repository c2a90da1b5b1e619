import { describe, expect, it } from 'vitest';
import { RetryBudget } from '#database/retry-budget.ts';

/** How many repetitions a budget allows now. */
function spend(budget: RetryBudget): number {
  let count = 0;
  while (budget.withdraw()) count += 1;
  return count;
}

function deposit(budget: RetryBudget, sessions: number): void {
  for (let session = 0; session < sessions; session += 1) budget.deposit();
}

describe('the budget of repetitions', () => {
  it('lets a process that has run nothing yet repeat ten times', () => {
    expect(spend(new RetryBudget())).toBe(10);
  });

  it('allows one repetition for ten sessions from then on', () => {
    const budget = new RetryBudget();
    spend(budget);

    deposit(budget, 509);

    expect(spend(budget)).toBe(50);
  });

  it('never saves up more than a hundred', () => {
    const budget = new RetryBudget();

    deposit(budget, 1_000_000);

    expect(spend(budget)).toBe(100);
  });

  it('can be without bound', () => {
    const budget = new RetryBudget(Infinity);

    deposit(budget, 10);

    expect(Array.from({ length: 1000 }, () => budget.withdraw())).not.toContain(false);
  });
});
