import { p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';

/**
 * What every entity has: `id`, a UUIDv7 made by the client (RFC 9562, so ids sort by time of creation); `createdAt`
 * and `updatedAt` with milliseconds; `version`, which is counted up by each update and guards it: an update of a row
 * that somebody else has changed since it was read fails instead of overwriting.
 */
export const baseProperties = {
  id: p
    .uuid()
    .primary()
    .onCreate(() => uuidv7()),
  createdAt: p.datetime(3).onCreate(() => new Date()),
  updatedAt: p
    .datetime(3)
    .onCreate(() => new Date())
    .onUpdate(() => new Date()),
  version: p.integer().version(),
};
