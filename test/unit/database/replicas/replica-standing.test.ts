import { describe, expect, it } from 'vitest';
import { judgeReplica } from '#database/replicas/replica-standing.ts';
import type { ReplicaState } from '#database/replicas/replica-standing.ts';

const found = { isStandby: true, replayed: 100n, lagMs: 0, missingMs: 0 };

describe('a replica', () => {
  it.each([
    ['that has everything', {}, 'starting', 'usable'],
    ['that is as far behind as is allowed', { lagMs: 1000 }, 'usable', 'usable'],
    ['that is further behind', { lagMs: 1001 }, 'usable', 'behind'],
    ['that does not know what it misses', { missingMs: 1001 }, 'usable', 'behind'],
    ['that was too far behind and still is half as far', { lagMs: 501 }, 'behind', 'behind'],
    ['that has caught up', { lagMs: 500 }, 'behind', 'usable'],
    ['that came back a little late', { lagMs: 900 }, 'down', 'usable'],
    ['that does not know how far behind it is', { lagMs: undefined }, 'usable', 'behind'],
    ['that has replayed nothing', { replayed: undefined }, 'usable', 'behind'],
    ['that is a primary', { isStandby: false }, 'usable', 'promoted'],
  ] satisfies [string, object, ReplicaState, ReplicaState][])(
    '%s is judged so',
    (_what, findings, before, state) => {
      expect(judgeReplica({ ...found, ...findings }, before, 1000).state).toBe(state);
    },
  );

  it('whose clock is behind is not ahead of its primary', () => {
    expect(judgeReplica({ ...found, lagMs: -20 }, 'usable', 1000).lagMs).toBe(0);
  });

  it('is as far behind as the worse of both accounts says', () => {
    const { lagMs } = judgeReplica({ ...found, lagMs: 20, missingMs: 30 }, 'usable', 1000);

    expect(lagMs).toBe(30);
  });
});
