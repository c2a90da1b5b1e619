import { invalidRequest } from './http-error.ts';

/** The query parameters of a URL by name, as sent: no nesting, no lists. Throws 400 on bad percent-encoding and on a repeated name. */
export function parseQuery(url: string): Readonly<Record<string, string>> {
  const start = url.indexOf('?');
  const raw = start === -1 ? '' : url.slice(start + 1);
  if (!isDecodable(raw)) throw invalidRequest('the query is not valid percent-encoded UTF-8');
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(raw)) {
    if (name in query) throw invalidRequest('a query parameter is given more than once');
    query[name] = value;
  }
  return query;
}

// URLSearchParams itself never complains: it keeps stray percent signs and replaces bad bytes.
function isDecodable(raw: string): boolean {
  try {
    decodeURIComponent(raw);
    return true;
  } catch {
    return false;
  }
}
