import { z } from 'zod';

import { connectionVariables, poolVariables } from './database-variables.ts';
import { httpVariables } from './http-variables.ts';
import { logVariables, serviceVariables, shutdownVariables } from './service-variables.ts';

/** The environment: unknown variables are dropped, an unset one is its default. */
export const environmentSchema = z.object({
  ...serviceVariables,
  ...httpVariables,
  ...connectionVariables,
  ...poolVariables,
  ...shutdownVariables,
  ...logVariables,
});

export type EnvironmentValues = z.output<typeof environmentSchema>;
export type Variable = keyof EnvironmentValues;
