import { defineRoute, type Route } from '#http/route.ts';
import { memberParams, memberSchema, newMemberSchema } from './membership-schema.ts';
import { addMember, removeMember } from './membership-service.ts';
import { presentMember } from './present-member.ts';
import { teamParams } from './team-schema.ts';

const tags = ['teams'];

/** The endpoints of who belongs to a team. */
export const membershipRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/teams/:id/members',
    operationId: 'addMember',
    summary: 'Add a user to a team',
    tags,
    params: teamParams,
    body: newMemberSchema,
    responses: {
      201: {
        description: 'The member.',
        schema: memberSchema,
        headers: { Location: 'Path of the member.' },
      },
    },
    errors: ['INPUT_INVALID', 'NOT_FOUND', 'DB_UNIQUE', 'DB_FOREIGN_KEY'],
    constraints: {
      memberships_team_id_user_id_key: 'the user is a member of this team already',
      memberships_user_id_fkey: 'there is no user with this id',
      memberships_team_id_fkey: 'there is no team with this id',
    },
    handler: async ({ params, body }) => {
      const member = presentMember(await addMember(params.id, body));
      return {
        status: 201,
        body: member,
        headers: { Location: `/teams/${params.id}/members/${member.userId}` },
      };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/teams/:id/members/:userId',
    operationId: 'removeMember',
    summary: 'Take a user out of a team',
    tags,
    params: memberParams,
    responses: { 204: { description: 'The user is no member any more.' } },
    errors: ['INPUT_INVALID', 'NOT_FOUND', 'CONFLICT'],
    handler: async ({ params }) => {
      await removeMember(params.id, params.userId);
      return { status: 204 };
    },
  }),
];
