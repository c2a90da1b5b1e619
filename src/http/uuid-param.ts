import { z } from 'zod';

const CANONICAL = /^[\da-fA-F]{8}-[\da-fA-F]{4}-[\da-fA-F]{4}-[\da-fA-F]{4}-[\da-fA-F]{12}$/;

/** A UUID in its canonical form, in either case; given on in lower case. No braces, no `urn:uuid:`. */
export const uuidParam = z
  .string()
  .regex(CANONICAL, 'must be a UUID')
  .toLowerCase()
  .meta({ format: 'uuid', example: '0198c0de-7a11-7000-8000-000000000001' });
