import { describe, expect, it } from 'vitest';
import { etagOfTeam, requireTeamMatch } from '#features/teams/team-etag.ts';

const member = {
  userId: '0198c0de-7a11-7000-8000-000000000001',
  email: 'ada@example.com',
  name: 'Ada',
  role: 'owner' as const,
  joinedAt: '2026-01-02T03:04:05.678Z',
};
const team = { version: 3 };

describe('the entity tag of a team', () => {
  it('is its version when it is shown alone', () => {
    expect(etagOfTeam(team)).toBe('"3"');
  });

  it('changes with its members when they are shown', () => {
    const tags = [
      etagOfTeam(team),
      etagOfTeam(team, []),
      etagOfTeam(team, [member]),
      etagOfTeam(team, [{ ...member, role: 'member' }]),
      etagOfTeam(team, [{ ...member, name: 'Ada Lovelace' }]),
    ];

    expect(new Set(tags).size).toBe(tags.length);
  });

  it('lets the same version be changed, whether or not it was read with the members', () => {
    const tags = [etagOfTeam(team), etagOfTeam(team, [member]), `"9", ${etagOfTeam(team, [])}`];

    for (const tag of tags) {
      expect(() => requireTeamMatch(tag, team)).not.toThrow();
    }
  });

  it('lets no other version be changed', () => {
    const tags = [etagOfTeam({ version: 2 }), etagOfTeam({ version: 33 }, [member]), 'W/"3"'];

    for (const tag of tags) {
      expect(() => requireTeamMatch(tag, team)).toThrow(
        expect.objectContaining({ code: 'PRECONDITION_FAILED' }),
      );
    }
  });
});
