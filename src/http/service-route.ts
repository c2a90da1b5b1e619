import type { z } from 'zod';

import type { Endpoint } from './endpoint.ts';

/** An answer of the service itself, as the API's description tells it. */
export interface ServiceResponse {
  readonly description: string;
  readonly contentType: string;
  /** Absent: text. */
  readonly schema?: z.ZodType;
}

/** An endpoint of the service itself, such as health or metrics: no session, no limit, documented like the others. */
export interface ServiceRoute extends Endpoint {
  /** Requests without `ManagementAccess` are answered 401. */
  readonly isGuarded?: boolean;
  readonly operationId: string;
  readonly summary: string;
  /** Of a request's URL; absent: none is looked at. */
  readonly query?: z.ZodObject;
  /** Of a request; absent: none is read. */
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, ServiceResponse>>;
}
