import { z } from 'zod';
import { decodeCursor, encodeCursor } from '#http/pagination.ts';
import { defineRoute, type Route } from '#http/route.ts';
import type { MemberBody } from './membership-schema.ts';
import { listMembers } from './membership-service.ts';
import { presentMember } from './present-member.ts';
import { etagOfTeam } from './team-etag.ts';
import {
  newTeamSchema,
  teamChangesSchema,
  teamListQuery,
  teamPageSchema,
  teamParams,
  teamQuery,
  teamSchema,
  type TeamBody,
} from './team-schema.ts';
import { createTeam, deleteTeam, findTeam, listTeams, updateTeam } from './team-service.ts';
import type { Team } from './team.entity.ts';

const tags = ['teams'];
const positionSchema = z.strictObject({ list: z.literal('teams'), after: z.uuid() });
const etagHeader = { ETag: 'The version; send it as If-Match to change no other one.' };

/** The endpoints of teams. */
export const teamRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/teams',
    operationId: 'createTeam',
    summary: 'Add a team with its first owner',
    tags,
    body: newTeamSchema,
    responses: {
      201: {
        description: 'The team.',
        schema: teamSchema,
        headers: { Location: 'Path of the team.', ...etagHeader },
      },
    },
    errors: ['INPUT_INVALID', 'DB_FOREIGN_KEY'],
    constraints: { memberships_user_id_fkey: 'there is no user with this id' },
    handler: async ({ body }) => {
      const team = await createTeam(body);
      return {
        status: 201,
        body: presentTeam(team),
        headers: { Location: `/teams/${team.id}`, ETag: etagOfTeam(team) },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/teams',
    operationId: 'listTeams',
    summary: 'List teams, oldest first',
    tags,
    query: teamListQuery,
    responses: { 200: { description: 'A page of teams.', schema: teamPageSchema } },
    errors: ['INPUT_INVALID'],
    handler: async ({ query: { limit, cursor, include } }) => {
      const after = cursor === undefined ? undefined : decodeCursor(cursor, positionSchema).after;
      const teams = await listTeams({ limit, after });
      const page = teams.slice(0, limit);
      const last = teams.length > limit ? page.at(-1) : undefined;
      const membersOf = include === undefined ? undefined : await presentMembersOf(page);
      return {
        status: 200,
        body: {
          items: page.map((team) => presentTeam(team, membersOf?.(team))),
          nextCursor: last === undefined ? null : encodeCursor({ list: 'teams', after: last.id }),
        },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/teams/:id',
    operationId: 'getTeam',
    summary: 'Read a team',
    tags,
    params: teamParams,
    query: teamQuery,
    responses: { 200: { description: 'The team.', schema: teamSchema, headers: etagHeader } },
    errors: ['INPUT_INVALID', 'NOT_FOUND'],
    etag: true,
    handler: async ({ params, query }) => {
      const team = await findTeam(params.id);
      const members =
        query.include === undefined ? undefined : (await presentMembersOf([team]))(team);
      return {
        status: 200,
        body: presentTeam(team, members),
        headers: { ETag: etagOfTeam(team, members) },
      };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/teams/:id',
    operationId: 'updateTeam',
    summary: 'Change a team',
    tags,
    params: teamParams,
    body: teamChangesSchema,
    responses: {
      200: { description: 'The team as it is now.', schema: teamSchema, headers: etagHeader },
    },
    errors: ['INPUT_INVALID', 'NOT_FOUND', 'PRECONDITION_FAILED'],
    handler: async ({ params, body, headers }) => {
      const team = await updateTeam(params.id, body, headers.ifMatch);
      return { status: 200, body: presentTeam(team), headers: { ETag: etagOfTeam(team) } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/teams/:id',
    operationId: 'deleteTeam',
    summary: 'Remove a team and its memberships',
    tags,
    params: teamParams,
    responses: { 204: { description: 'The team is gone.' } },
    errors: ['INPUT_INVALID', 'NOT_FOUND', 'PRECONDITION_FAILED'],
    handler: async ({ params, headers }) => {
      await deleteTeam(params.id, headers.ifMatch);
      return { status: 204 };
    },
  }),
];

async function presentMembersOf(teams: readonly Team[]): Promise<(team: Team) => MemberBody[]> {
  const members = await listMembers(teams.map((team) => team.id));
  return (team) => (members.get(team.id) ?? []).map(presentMember);
}

function presentTeam(team: Team, members?: readonly MemberBody[]): TeamBody {
  return {
    id: team.id,
    name: team.name,
    createdAt: team.createdAt.toISOString(),
    updatedAt: team.updatedAt.toISOString(),
    ...(members !== undefined && { members: [...members] }),
  };
}
