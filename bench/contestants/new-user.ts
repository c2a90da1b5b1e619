import { z } from 'zod';

/** Body of `POST /users`, as the naive services check it. */
export const newUserSchema = z.object({ email: z.email(), name: z.string().min(1).max(100) });

/** Query of `GET /users`, as the naive services check it. */
export const userListSchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.uuid().optional(),
});
