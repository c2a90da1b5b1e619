import { z } from 'zod';

import { invalidRequest } from './http-error.ts';

/** On every answer to a successful write where there are replicas, and on a request that reads. */
export const READ_AFTER = 'Read-After';

/** Opaque to clients; a position of the write-ahead log, as PostgreSQL writes it. */
const TOKEN = /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/;

/** What a client sends, as the API's description has it. */
export const readAfterParam = z.string().optional().meta({
  description:
    'The `Read-After` of an answer to a write: the answer then shows that write and all before it.',
});

/** What a client that reads must see; undefined when it did not say. Throws 400 for what no answer of ours had. */
export function readAfterOf(header: string | undefined): string | undefined {
  if (header === undefined || TOKEN.test(header)) return header;
  throw invalidRequest('the Read-After header is not valid', [
    { path: READ_AFTER, message: 'must be the Read-After header of one answer to a write' },
  ]);
}
