import express from 'express';
import type { Request, Response } from 'express';

import { HttpError, invalidRequest } from './http-error.ts';
import { parseJson } from './parse-json.ts';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/** Reads the body of a request as JSON. Throws 400 (none, cut off, malformed), 413, 415 or 422. */
export type JsonReader = (request: Request, response: Response) => Promise<unknown>;

/** A reader that refuses bodies of more than `limitBytes`. */
export function createJsonReader(limitBytes: number): JsonReader {
  // Not inflated: what is small on the wire stays small in memory.
  const readBytes = express.raw({ type: () => true, limit: limitBytes, inflate: false });
  return async (request, response) => {
    requireJson(request);
    await new Promise<void>((resolve, reject) => {
      readBytes(request, response, (error?: unknown) => {
        if (error === undefined) resolve();
        else reject(readingError(error));
      });
    });
    const bytes: unknown = request.body;
    if (!(bytes instanceof Uint8Array)) throw invalidRequest('a JSON body is needed');
    return parseJson(bytes);
  };
}

function requireJson(request: Request): void {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) {
    throw invalidRequest('a JSON body is needed');
  }
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  if (request.is('application/json') !== 'application/json' || charset !== 'utf-8') {
    throw new HttpError('UNSUPPORTED_MEDIA_TYPE');
  }
}

// body-parser tells its errors apart by `type`; their messages may name what was sent.
function readingError(error: unknown): HttpError {
  const type: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'type') : undefined;
  switch (type) {
    case 'entity.too.large':
      return new HttpError('PAYLOAD_TOO_LARGE');
    case 'encoding.unsupported':
      return new HttpError('UNSUPPORTED_MEDIA_TYPE');
    default:
      return invalidRequest('the body did not arrive completely');
  }
}
