import { MikroORM } from '@mikro-orm/postgresql';
import express from 'express';
import { pinoHttp } from 'pino-http';
import { collectDefaultMetrics, Counter, Histogram, register } from 'prom-client';
import { NaiveUser } from './naive-user.ts';
import { naiveRoutes } from './naive-routes.ts';
import { variables } from './variables.ts';

const orm = await MikroORM.init({
  entities: [NaiveUser],
  clientUrl: variables.databaseUrl,
  pool: { max: variables.poolSize },
});
collectDefaultMetrics();
const labelNames = ['method', 'route', 'status'] as const;
const requests = new Counter({ name: 'http_requests_total', help: 'Requests.', labelNames });
const durations = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Seconds from request to answer.',
  labelNames,
});

const app = express();
app.get('/metrics', async (_request, response) => {
  response.type(register.contentType).send(await register.metrics());
});
app.use(pinoHttp());
app.use((request, response, next) => {
  const stop = durations.startTimer();
  response.on('finish', () => {
    const labels = {
      method: request.method,
      route: request.route?.path ?? 'unmatched',
      status: response.statusCode,
    };
    requests.inc(labels);
    stop(labels);
  });
  next();
});
app.use(naiveRoutes(orm));
app.listen(variables.port, '127.0.0.1');
