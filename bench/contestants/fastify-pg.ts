import { fastify } from 'fastify';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { INSERT_USER, LIST_USERS, READ_USER } from './statements.ts';
import { variables } from './variables.ts';

const user = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    email: { type: 'string' },
    name: { type: 'string' },
    createdAt: { type: 'string', format: 'date-time' },
    updatedAt: { type: 'string', format: 'date-time' },
  },
} as const;
const page = {
  type: 'object',
  properties: {
    items: { type: 'array', items: user },
    nextCursor: { type: 'string', nullable: true },
  },
} as const;
const newUser = {
  type: 'object',
  required: ['email', 'name'],
  properties: {
    email: { type: 'string', format: 'email' },
    name: { type: 'string', minLength: 1, maxLength: 100 },
  },
} as const;
const listQuery = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
    cursor: { type: 'string', format: 'uuid' },
  },
} as const;

const pool = new pg.Pool({ connectionString: variables.databaseUrl, max: variables.poolSize });
const app = fastify();

app.get<{ Params: { id: string } }>(
  '/users/:id',
  { schema: { response: { 200: user } } },
  async (request, reply) => {
    const { rows } = await pool.query(READ_USER, [request.params.id]);
    return rows[0] ?? reply.code(404).send({ error: 'not found' });
  },
);

app.get<{ Querystring: { limit: number; cursor?: string } }>(
  '/users',
  { schema: { querystring: listQuery, response: { 200: page } } },
  async ({ query: { limit, cursor } }) => {
    const { rows } = await pool.query(LIST_USERS, [cursor, limit + 1]);
    const items = rows.slice(0, limit);
    return { items, nextCursor: rows.length > limit ? items.at(-1)?.id : null };
  },
);

app.post<{ Body: { email: string; name: string } }>(
  '/users',
  { schema: { body: newUser, response: { 201: user } } },
  async ({ body: { email, name } }, reply) => {
    const { rows } = await pool.query(INSERT_USER, [uuidv7(), email, name, new Date()]);
    return reply.code(201).header('location', `/users/${rows[0].id}`).send(rows[0]);
  },
);

await app.listen({ port: variables.port, host: '127.0.0.1' });
