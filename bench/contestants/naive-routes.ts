import { RequestContext } from '@mikro-orm/postgresql';
import type { MikroORM } from '@mikro-orm/postgresql';
import express, { Router } from 'express';
import { NaiveUser } from './naive-user.ts';
import { newUserSchema, userListSchema } from './new-user.ts';

/** The three routes on Express and MikroORM, as the two manuals show them. */
export function naiveRoutes(orm: MikroORM): Router {
  const router = Router();
  router.use(express.json());
  router.use((_request, _response, next) => RequestContext.create(orm.em, next));

  router.get('/users/:id', async (request, response) => {
    const user = await orm.em.findOne(NaiveUser, request.params.id);
    if (user === null) {
      response.status(404).json({ error: 'not found' });
      return;
    }
    response.json(user);
  });

  router.get('/users', async (request, response) => {
    const { limit, cursor } = userListSchema.parse(request.query);
    const users = await orm.em.find(
      NaiveUser,
      cursor === undefined ? {} : { id: { $gt: cursor } },
      {
        orderBy: { id: 'asc' },
        limit: limit + 1,
      },
    );
    const items = users.slice(0, limit);
    response.json({ items, nextCursor: users.length > limit ? items.at(-1)?.id : null });
  });

  router.post('/users', async (request, response) => {
    const user = orm.em.create(NaiveUser, newUserSchema.parse(request.body));
    await orm.em.flush();
    response.status(201).location(`/users/${user.id}`).json(user);
  });
  return router;
}
