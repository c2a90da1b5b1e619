import { z } from 'zod';
import { cursorParam, limitParam, pageSchema } from '#http/pagination.ts';
import { text } from '#http/text.ts';
import { uuidParam } from '#http/uuid-param.ts';
import { memberSchema } from './membership-schema.ts';

const nameSchema = text({ max: 100 }).meta({ example: 'Analytical Engines' });

const includeParam = z
  .literal('members', 'must be members')
  .optional()
  .meta({ description: '`members` adds who belongs to each team.' });

/** Path of one team. */
export const teamParams = z.strictObject({ id: uuidParam });

/** Query of one team. */
export const teamQuery = z.strictObject({ include: includeParam });

/** Query of the listing of teams. */
export const teamListQuery = z.strictObject({
  limit: limitParam,
  cursor: cursorParam,
  include: includeParam,
});

/** Body that creates a team and makes a user its owner. */
export const newTeamSchema = z
  .strictObject({ name: nameSchema, ownerId: uuidParam })
  .meta({ id: 'NewTeam' });

/** Body that changes a team. */
export const teamChangesSchema = z
  .strictObject({ name: nameSchema.exactOptional() })
  .refine((changes) => Object.keys(changes).length > 0, 'must name at least one field')
  .meta({ id: 'TeamChanges', minProperties: 1 });

/** A team as the API shows it. */
export const teamSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    members: z
      .array(memberSchema)
      .exactOptional()
      .meta({ description: 'Only with `include=members`, in the order they joined.' }),
  })
  .meta({ id: 'Team' });

/** A page of teams. */
export const teamPageSchema = pageSchema(teamSchema).meta({ id: 'TeamPage' });

export type NewTeam = z.output<typeof newTeamSchema>;
export type TeamChanges = z.output<typeof teamChangesSchema>;
export type TeamBody = z.output<typeof teamSchema>;
