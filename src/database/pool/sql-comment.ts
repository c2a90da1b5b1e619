import type { WorkScope } from '#database/work-scope.ts';

/**
 * What leads from a statement at the server back to its trace, in the format of sqlcommenter: keys in order, values
 * URL-encoded. Undefined for a trace that is not recorded, and for a text that has a comment, or might.
 */
export function sqlComment(text: string, scope: WorkScope | undefined): string | undefined {
  if (scope?.isSampled !== true || scope.spanId === undefined || /--|\/\*/.test(text)) {
    return undefined;
  }
  const route = scope.route === undefined ? '' : `route='${encoded(scope.route)}',`;
  return `/*${route}traceparent='00-${scope.traceId}-${scope.spanId}-01'*/`;
}

/** Nothing is left that could end a comment or a quote. */
function encoded(value: string): string {
  return encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
