import express from 'express';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { newUserSchema, userListSchema } from './new-user.ts';
import { INSERT_USER, LIST_USERS, READ_USER } from './statements.ts';
import { variables } from './variables.ts';

const pool = new pg.Pool({ connectionString: variables.databaseUrl, max: variables.poolSize });
const app = express();
app.use(express.json());

app.get('/users/:id', async (request, response) => {
  const { rows } = await pool.query(READ_USER, [request.params.id]);
  if (rows[0] === undefined) {
    response.status(404).json({ error: 'not found' });
    return;
  }
  response.json(rows[0]);
});

app.get('/users', async (request, response) => {
  const { limit, cursor } = userListSchema.parse(request.query);
  const { rows } = await pool.query(LIST_USERS, [cursor, limit + 1]);
  const items = rows.slice(0, limit);
  response.json({ items, nextCursor: rows.length > limit ? items.at(-1)?.id : null });
});

app.post('/users', async (request, response) => {
  const { email, name } = newUserSchema.parse(request.body);
  const { rows } = await pool.query(INSERT_USER, [uuidv7(), email, name, new Date()]);
  response.status(201).location(`/users/${rows[0].id}`).json(rows[0]);
});

app.listen(variables.port, '127.0.0.1');
