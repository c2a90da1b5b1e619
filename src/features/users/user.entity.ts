import { defineEntity, p, type InferEntity } from '@mikro-orm/postgresql';
import { baseProperties } from '#database/base-entity.ts';

/**
 * A person. Addresses are unique whatever their case: collation "C" folds ASCII alone, the same on
 * every server, and the schema of an address lets nothing else in.
 */
export const UserEntity = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    ...baseProperties,
    email: p.text(),
    name: p.text(),
  },
  uniques: [
    {
      name: 'users_email_key',
      expression: 'create unique index "users_email_key" on "users" (lower("email" collate "C"))',
    },
  ],
  checks: [
    {
      name: 'users_email_length',
      expression: 'char_length(email) >= 3 and char_length(email) <= 254',
    },
    {
      name: 'users_name_length',
      expression: 'char_length(name) >= 1 and char_length(name) <= 100',
    },
  ],
});

/** A row of `users`. */
export type User = InferEntity<typeof UserEntity>;
