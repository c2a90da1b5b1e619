import type { InputFault } from './http-error.ts';
import { invalidBody, invalidRequest } from './http-error.ts';

/** Deeper than any body of ours by far, and shallow enough for any recursion. */
const MAX_DEPTH = 32;

/** Names that mean something to JavaScript itself. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

// Over text that JSON.parse has accepted: every string (with the colon that makes it a key), every bracket.
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")\s*(:?)|[{}[\]]/g;

/**
 * The value of a JSON text in UTF-8; a byte order mark is skipped. Throws 400 when it is not JSON, and 422 when it
 * is nested too deeply, names a key twice (readers disagree on who wins), or names one that JavaScript reserves.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const { text, value } = decode(bytes);
  const fault = structuralFault(text);
  if (fault !== undefined) throw invalidBody([{ path: '', message: fault } satisfies InputFault]);
  return value;
}

function decode(bytes: Uint8Array): { text: string; value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch {
    // Without the cause: the parser's message quotes the text.
    throw invalidRequest('the body is not valid JSON');
  }
}

function structuralFault(text: string): string | undefined {
  const keysOfOpen: Set<unknown>[] = [];
  for (const [token, literal, colon] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      keysOfOpen.push(new Set());
      if (keysOfOpen.length > MAX_DEPTH)
        return `must not be nested deeper than ${MAX_DEPTH} levels`;
    } else if (token === '}' || token === ']') {
      keysOfOpen.pop();
    } else if (colon === ':' && literal !== undefined) {
      const key: unknown = JSON.parse(literal);
      const keys = keysOfOpen.at(-1);
      if (typeof key === 'string' && FORBIDDEN_KEYS.has(key)) return 'names a reserved key';
      if (keys?.has(key) === true) return 'names a key twice';
      keys?.add(key);
    }
  }
  return undefined;
}
