import { MikroORM } from '@mikro-orm/postgresql';
import express from 'express';
import { NaiveUser } from './naive-user.ts';
import { naiveRoutes } from './naive-routes.ts';
import { variables } from './variables.ts';

const orm = await MikroORM.init({
  entities: [NaiveUser],
  clientUrl: variables.databaseUrl,
  pool: { max: variables.poolSize },
});
const app = express();
app.use(naiveRoutes(orm));
app.listen(variables.port, '127.0.0.1');
