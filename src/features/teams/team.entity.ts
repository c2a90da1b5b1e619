import { defineEntity, p, type InferEntity } from '@mikro-orm/postgresql';
import { baseProperties } from '#database/base-entity.ts';

/** A group of users. Names need not be unique. */
export const TeamEntity = defineEntity({
  name: 'Team',
  tableName: 'teams',
  properties: {
    ...baseProperties,
    name: p.text(),
  },
  checks: [
    {
      name: 'teams_name_length',
      expression: 'char_length(name) >= 1 and char_length(name) <= 100',
    },
  ],
});

/** A row of `teams`. */
export type Team = InferEntity<typeof TeamEntity>;
