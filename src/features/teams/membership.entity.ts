import { defineEntity, p, type InferEntity } from '@mikro-orm/postgresql';
import { baseProperties } from '#database/base-entity.ts';
import { UserEntity } from '#features/users/user.entity.ts';
import { TeamEntity } from './team.entity.ts';

/** What a member may be. Every team keeps at least one owner. */
export const MEMBERSHIP_ROLES = ['owner', 'member'] as const;

export type MembershipRole = (typeof MEMBERSHIP_ROLES)[number];

/**
 * A user's place in a team, at most one per pair. It goes with its team (cascade); a user
 * cannot go before its memberships (no action), so that no team loses its last owner unnoticed.
 */
export const MembershipEntity = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  properties: {
    ...baseProperties,
    team: () =>
      p
        .manyToOne(TeamEntity)
        .ref()
        .index(false)
        .foreignKeyName('memberships_team_id_fkey')
        .deleteRule('cascade')
        .updateRule('no action'),
    user: () =>
      p
        .manyToOne(UserEntity)
        .ref()
        .index('memberships_user_id_idx')
        .foreignKeyName('memberships_user_id_fkey')
        .deleteRule('no action')
        .updateRule('no action'),
    role: p.text().$type<MembershipRole>(),
  },
  uniques: [{ name: 'memberships_team_id_user_id_key', properties: ['team', 'user'] }],
  checks: [{ name: 'memberships_role_known', expression: "role in ('owner', 'member')" }],
});

/** A row of `memberships`. */
export type Membership = InferEntity<typeof MembershipEntity>;
