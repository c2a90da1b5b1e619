import { z } from 'zod';
import { cursorParam, limitParam, pageSchema } from '#http/pagination.ts';
import { text } from '#http/text.ts';
import { uuidParam } from '#http/uuid-param.ts';

/** An address as mail servers take it (RFC 5321, 4.5.3.1: at most 254). ASCII alone; kept in the case it is given. */
const emailSchema = z
  .email('must be an e-mail address')
  .max(254, 'must have at most 254 characters')
  .meta({ description: 'Unique whatever its case.', example: 'ada@example.com' });

const nameSchema = text({ max: 100 }).meta({ example: 'Ada Lovelace' });

/** Path of one user. */
export const userParams = z.strictObject({ id: uuidParam });

/** Query of the listing of users. */
export const userQuery = z.strictObject({
  limit: limitParam,
  cursor: cursorParam,
  email: emailSchema.optional().meta({ description: 'Only the user with this address.' }),
});

/** Body that creates a user. */
export const newUserSchema = z
  .strictObject({ email: emailSchema, name: nameSchema })
  .meta({ id: 'NewUser' });

/** Body that changes a user: the fields named, the others stay. */
export const userChangesSchema = z
  .strictObject({ email: emailSchema.exactOptional(), name: nameSchema.exactOptional() })
  .refine((changes) => Object.keys(changes).length > 0, 'must name at least one field')
  .meta({ id: 'UserChanges', minProperties: 1 });

/** A user as the API shows it. */
export const userSchema = z
  .object({
    id: z.uuid(),
    email: z.string(),
    name: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    id: 'User',
    example: {
      id: '0198c0de-7a11-7000-8000-000000000001',
      email: 'ada@example.com',
      name: 'Ada Lovelace',
      createdAt: '2026-01-02T03:04:05.678Z',
      updatedAt: '2026-01-02T03:04:05.678Z',
    },
  });

/** A page of users. */
export const userPageSchema = pageSchema(userSchema).meta({ id: 'UserPage' });

export type NewUser = z.output<typeof newUserSchema>;
export type UserChanges = z.output<typeof userChangesSchema>;
export type UserBody = z.output<typeof userSchema>;
