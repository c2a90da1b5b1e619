import { z } from 'zod';
import { uuidParam } from '#http/uuid-param.ts';
import { MEMBERSHIP_ROLES } from './membership.entity.ts';

const roleSchema = z
  .enum(MEMBERSHIP_ROLES, `must be one of ${MEMBERSHIP_ROLES.join(', ')}`)
  .meta({ description: 'Every team keeps at least one owner.' });

/** Path of one member of a team. */
export const memberParams = z.strictObject({ id: uuidParam, userId: uuidParam });

/** Body that adds a user to a team. */
export const newMemberSchema = z
  .strictObject({ userId: uuidParam, role: roleSchema })
  .meta({ id: 'NewMember' });

/** A member of a team as the API shows it. */
export const memberSchema = z
  .object({
    userId: z.uuid(),
    email: z.string(),
    name: z.string(),
    role: roleSchema,
    joinedAt: z.iso.datetime(),
  })
  .meta({ id: 'Member' });

export type NewMember = z.output<typeof newMemberSchema>;
export type MemberBody = z.output<typeof memberSchema>;
