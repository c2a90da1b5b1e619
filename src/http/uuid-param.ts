import { z } from 'zod';

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUID in its canonical form, in either case; given on in lower case. No braces, no `urn:uuid:`. */
export const uuidParam = z
  .string()
  .regex(CANONICAL, 'must be a UUID')
  .toLowerCase()
  .meta({ format: 'uuid', example: '0198c0de-7a11-7000-8000-000000000001' });
