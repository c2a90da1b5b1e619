import type { RequestScope } from './request-scope.ts';

/** A request's method as a label: one of the usual ones, else `_OTHER`. */
export type ObservedMethod = (typeof KNOWN_METHODS)[number] | '_OTHER';

/** One answered, or abandoned, request. */
export interface RequestEnd {
  readonly method: ObservedMethod;
  /** Template of the route, or `unmatched`. */
  readonly route: string;
  /** 499 when the client went away before the answer was complete; that of the fault which cut the answer. */
  readonly status: number;
  readonly durationMs: number;
  /** Read it now: what the database took is added up in place. */
  readonly scope: RequestScope;
}

/** What the HTTP layer tells whoever counts. Every start is followed by exactly one end. */
export interface HttpObserver {
  requestStarted(event: { readonly method: ObservedMethod }): void;
  requestEnded(event: RequestEnd): void;
}

const KNOWN_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** The label of a method, from a closed list. */
export function observedMethod(method: string): ObservedMethod {
  return KNOWN_METHODS.find((known) => known === method) ?? '_OTHER';
}
