import { z } from 'zod';
import { etagOf } from '#http/etag.ts';
import { decodeCursor, encodeCursor } from '#http/pagination.ts';
import { defineRoute, type Route } from '#http/route.ts';
import {
  newUserSchema,
  userChangesSchema,
  userPageSchema,
  userParams,
  userQuery,
  userSchema,
  type UserBody,
} from './user-schema.ts';
import { createUser, deleteUser, findUser, listUsers, updateUser } from './user-service.ts';
import type { User } from './user.entity.ts';

const tags = ['users'];
const positionSchema = z.strictObject({ list: z.literal('users'), after: z.uuid() });
const etagHeader = { ETag: 'The version; send it as If-Match to change no other one.' };
const constraints = { users_email_key: 'a user with this e-mail address exists already' };

/** The endpoints of users. */
export const userRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/users',
    operationId: 'createUser',
    summary: 'Add a user',
    tags,
    body: newUserSchema,
    responses: {
      201: {
        description: 'The user.',
        schema: userSchema,
        headers: { Location: 'Path of the user.', ...etagHeader },
      },
    },
    errors: ['INPUT_INVALID', 'DB_UNIQUE'],
    constraints,
    handler: async ({ body }) => {
      const user = await createUser(body);
      return {
        status: 201,
        body: presentUser(user),
        headers: { Location: `/users/${user.id}`, ETag: etagOf(user.version) },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/users',
    operationId: 'listUsers',
    summary: 'List users, oldest first',
    tags,
    query: userQuery,
    responses: { 200: { description: 'A page of users.', schema: userPageSchema } },
    errors: ['INPUT_INVALID'],
    handler: async ({ query: { limit, cursor, email } }) => {
      const after = cursor === undefined ? undefined : decodeCursor(cursor, positionSchema).after;
      const users = await listUsers({ limit, after, email });
      const items = users.slice(0, limit);
      const last = users.length > limit ? items.at(-1) : undefined;
      return {
        status: 200,
        body: {
          items: items.map(presentUser),
          nextCursor: last === undefined ? null : encodeCursor({ list: 'users', after: last.id }),
        },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/users/:id',
    operationId: 'getUser',
    summary: 'Read a user',
    tags,
    params: userParams,
    responses: { 200: { description: 'The user.', schema: userSchema, headers: etagHeader } },
    errors: ['INPUT_INVALID', 'NOT_FOUND'],
    etag: true,
    handler: async ({ params }) => {
      const user = await findUser(params.id);
      return { status: 200, body: presentUser(user), headers: { ETag: etagOf(user.version) } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/users/:id',
    operationId: 'updateUser',
    summary: 'Change a user',
    tags,
    params: userParams,
    body: userChangesSchema,
    responses: {
      200: { description: 'The user as it is now.', schema: userSchema, headers: etagHeader },
    },
    errors: ['INPUT_INVALID', 'NOT_FOUND', 'PRECONDITION_FAILED', 'DB_UNIQUE'],
    constraints,
    handler: async ({ params, body, headers }) => {
      const user = await updateUser(params.id, body, headers.ifMatch);
      return { status: 200, body: presentUser(user), headers: { ETag: etagOf(user.version) } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/users/:id',
    operationId: 'deleteUser',
    summary: 'Remove a user and its memberships',
    tags,
    params: userParams,
    responses: { 204: { description: 'The user is gone.' } },
    errors: ['INPUT_INVALID', 'NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED'],
    handler: async ({ params, headers }) => {
      await deleteUser(params.id, headers.ifMatch);
      return { status: 204 };
    },
  }),
];

function presentUser(user: User): UserBody {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    createdAt: user.createdAt.toISOString(),
    updatedAt: user.updatedAt.toISOString(),
  };
}
