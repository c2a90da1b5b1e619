import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMemberSchema } from '#features/teams/membership-schema.ts';
import {
  newTeamSchema,
  teamChangesSchema,
  teamListQuery,
  teamParams,
} from '#features/teams/team-schema.ts';

const id = '0198c0de-7a11-7000-8000-000000000001';

describe('the bodies of teams and members', () => {
  it('never make validation itself fail, whatever they are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        for (const schema of [newTeamSchema, teamChangesSchema, newMemberSchema]) {
          expect(() => schema.safeParse(body)).not.toThrow();
        }
      }),
    );
  });

  it('are taken as they are, their ids in lower case', () => {
    expect(newTeamSchema.parse({ name: 'Engines', ownerId: id.toUpperCase() })).toEqual({
      name: 'Engines',
      ownerId: id,
    });
    expect(newMemberSchema.parse({ userId: id, role: 'member' })).toEqual({
      userId: id,
      role: 'member',
    });
  });

  it.each([
    {},
    { name: 'Engines' },
    { name: 'Engines', ownerId: { $ne: id } },
    { name: 'Engines', ownerId: id, id },
    { name: '\t', ownerId: id },
  ])('may not make a team of %j', (body) => {
    expect(newTeamSchema.safeParse(body).success).toBe(false);
  });

  it.each([
    { userId: id },
    { userId: id, role: 'admin' },
    { userId: id, role: 'Owner' },
    { userId: id, role: ['owner'] },
    { userId: `{${id}}`, role: 'owner' },
    { userId: id, role: 'owner', team: id },
  ])('may not make a member of %j', (body) => {
    expect(newMemberSchema.safeParse(body).success).toBe(false);
  });

  it('may not change nothing', () => {
    expect(teamChangesSchema.safeParse({}).success).toBe(false);
  });
});

describe('the path and query of teams', () => {
  it.each(['', 'x', `{${id}}`, `urn:uuid:${id}`, `${id}\n`, id.replaceAll('-', '')])(
    'may not name a team %j',
    (text) => {
      expect(teamParams.safeParse({ id: text }).success).toBe(false);
    },
  );

  it.each([{ include: '' }, { include: 'users' }, { include: 'members,users' }])(
    'may not be %j',
    (query) => {
      expect(teamListQuery.safeParse(query).success).toBe(false);
    },
  );
});
