import { randomUUID } from 'node:crypto';
import type TestAgent from 'supertest/lib/agent.js';
import { expect } from 'vitest';
import type { TeamBody } from '#features/teams/team-schema.ts';
import type { UserBody } from '#features/users/user-schema.ts';

/** An address nobody else has. */
export function newEmail(): string {
  return `${randomUUID()}@example.com`;
}

/** Adds a user through the API. */
export async function addUser(
  api: TestAgent,
  user: { readonly email?: string; readonly name?: string } = {},
): Promise<UserBody> {
  const response = await api.post('/users').send({ email: newEmail(), name: 'Ada', ...user });
  expect(response.status).toBe(201);
  return response.body;
}

/** Adds a team through the API, with an owner who is added, too, unless there is one. */
export async function addTeam(
  api: TestAgent,
  { ownerId, name = 'Engines' }: { readonly ownerId?: string; readonly name?: string } = {},
): Promise<TeamBody> {
  const response = await api
    .post('/teams')
    .send({ name, ownerId: ownerId ?? (await addUser(api)).id });
  expect(response.status).toBe(201);
  return response.body;
}

/** Adds a user to a team through the API. */
export async function addMember(
  api: TestAgent,
  member: { readonly teamId: string; readonly userId: string; readonly role: 'owner' | 'member' },
): Promise<void> {
  const { teamId, ...body } = member;
  const response = await api.post(`/teams/${teamId}/members`).send(body);
  expect(response.status).toBe(201);
}
