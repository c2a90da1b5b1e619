import { isSecretName, REDACTED } from './secret-names.ts';
import { safeText } from './safe-text.ts';
import { serializeError } from './serialize-error.ts';

const MAX_DEPTH = 5;
const MAX_ENTRIES = 100;
/** Values in one line, at any depth: bounds the line whatever is logged. */
const MAX_VALUES = 500;

/** Written by the logger itself: a second one would make a line ambiguous. */
const RESERVED: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'service']);

/**
 * The fields as they may be written: plain data, secrets replaced by name at any depth, errors by
 * {@link serializeError}, strings cut, sizes bounded. Objects of classes (clients, pools, requests)
 * are shown by their class name only. Those of `around` come first, and give way to fields of the same name. Never throws.
 */
export function safeFields(fields: Fields, around?: Fields): Record<string, unknown> {
  const budget = { values: MAX_VALUES };
  const safe: Record<string, unknown> = {};
  if (around !== undefined) {
    addSafe(safe, around, budget);
  }
  addSafe(safe, fields, budget);
  return safe;
}

type Fields = Readonly<Record<string, unknown>>;

function addSafe(safe: Record<string, unknown>, fields: Fields, budget: Budget): void {
  try {
    const names = Object.keys(fields);
    for (let at = 0; at < names.length && at < MAX_ENTRIES; at += 1) {
      const name = names[at] ?? '';
      const { shown, kind } = factsOf(name);
      if (kind !== 'reserved') {
        safe[shown] =
          kind === 'secret'
            ? REDACTED
            : kind === 'error'
              ? serializeError(fields[name])
              : plain(fields[name], 0, budget);
      }
    }
  } catch {
    safe['unreadable'] = true;
  }
}

type NameFacts = {
  readonly shown: string;
  readonly kind: 'reserved' | 'error' | 'secret' | 'plain';
};

/** Judged once each: the names of fields are in the code, and few. */
const judged = new Map<string, NameFacts>();
const MAX_JUDGED = 500;

function factsOf(name: string): NameFacts {
  const known = judged.get(name);
  if (known !== undefined) {
    return known;
  }
  const kind = RESERVED.has(name)
    ? 'reserved'
    : name === 'err'
      ? 'error'
      : isSecretName(name)
        ? 'secret'
        : 'plain';
  const facts = { shown: safeText(name), kind } as const;
  if (judged.size < MAX_JUDGED) {
    judged.set(name, facts);
  }
  return facts;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Reflect.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

interface Budget {
  values: number;
}

function field(name: string, value: unknown, depth: number, budget: Budget): unknown {
  return isSecretName(name) ? REDACTED : plain(value, depth, budget);
}

function plain(value: unknown, depth: number, budget: Budget): unknown {
  budget.values -= 1;
  if (budget.values < 0) {
    return '[cut]';
  }
  switch (typeof value) {
    case 'string':
      return safeText(value);
    case 'bigint':
      return String(value);
    case 'function':
    case 'symbol':
      return undefined;
    case 'object':
      return value === null ? null : plainObject(value, depth, budget);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    default:
      return value;
  }
}

function plainObject(value: object, depth: number, budget: Budget): unknown {
  if (value instanceof Error) {
    return serializeError(value);
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  }
  if (ArrayBuffer.isView(value)) {
    return `[${value.byteLength} bytes]`;
  }
  if (depth === MAX_DEPTH) {
    return '[cut]';
  }
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ENTRIES).map((item: unknown) => plain(item, depth + 1, budget));
  }
  if (!isPlain(value)) {
    return `[${safeText(classNameOf(value))}]`;
  }
  return Object.fromEntries(
    entriesOf(value).map(([name, inner]) => [
      safeText(name),
      field(name, inner, depth + 1, budget),
    ]),
  );
}

function classNameOf(value: object): string {
  try {
    const built: unknown = Reflect.get(value, 'constructor');
    return typeof built === 'function' ? built.name : 'object';
  } catch {
    return 'object';
  }
}

/** Own entries up to the bound; one whose getter throws is left out. */
function entriesOf(source: object): [string, unknown][] {
  const entries: [string, unknown][] = [];
  try {
    for (const name of Object.keys(source).slice(0, MAX_ENTRIES)) {
      entries.push([name, Reflect.get(source, name)]);
    }
  } catch {
    entries.push(['unreadable', true]);
  }
  return entries;
}
