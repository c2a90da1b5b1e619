import { z } from 'zod';

import { isHost } from './is-host.ts';

/** One day in milliseconds: the longest duration, so that sums of durations stay below a timer's 2^31-1. */
const LONGEST_MS = 86_400_000;

/** How one kind of variable is read, and the words that say what is allowed. */
export interface SettingKind<T> {
  readonly type: z.ZodType<T, string>;
  readonly allowed: string;
}

/** What the reference says of a variable. */
export interface SettingDoc {
  readonly allowed: string;
  readonly default: string;
  readonly meaning: string;
}

/** The documentation of every variable, by its schema. */
export const settingDocs = z.registry<SettingDoc>();

/** A whole number in decimal digits: no sign, blank, fraction, exponent or unit. */
export function integer(min: number, max: number): SettingKind<number> {
  return kind(`an integer from ${min} to ${max}`, (text) => {
    const value = Number(text);
    return /^[0-9]+$/.test(text) && value >= min && value <= max ? value : undefined;
  });
}

/** Milliseconds, from `min` to one day. */
export function milliseconds(min = 1): SettingKind<number> {
  return integer(min, LONGEST_MS);
}

/** `true` or `false`, nothing else. */
export const toggle: SettingKind<boolean> = kind('`true` or `false`', (text) =>
  text === 'true' ? true : text === 'false' ? false : undefined,
);

/** One of a closed list, in its exact spelling. */
export function choice<const T extends string>(...values: readonly T[]): SettingKind<T> {
  return kind(`one of ${values.map((value) => `\`${value}\``).join(', ')}`, (text) =>
    values.find((value) => value === text),
  );
}

/** A size in bytes, `kb` or `mb` (of 1024), from 1 byte to 64 mb. */
export const byteSize: SettingKind<number> = kind(
  'a size as `500`, `100kb` or `1mb`, from 1 byte to 64mb',
  (text) => {
    const [, digits, unit] = /^([0-9]{1,12})(kb|mb)?$/.exec(text) ?? [];
    const bytes = Number(digits) * (unit === 'mb' ? 1_048_576 : unit === 'kb' ? 1024 : 1);
    return bytes >= 1 && bytes <= 64 * 1_048_576 ? bytes : undefined;
  },
);

/** What a listener binds to: a name or an address. */
export const listenHost: SettingKind<string> = kind('a host name or an IP address', (text) =>
  isHost(text) ? text : undefined,
);

/** A word that can be a metric's label. */
export const label: SettingKind<string> = kind(
  '1 to 32 letters, digits, `_` and `-`, a letter first',
  (text) => (/^[a-z][a-z0-9_-]{0,31}$/i.test(text) ? text : undefined),
);

/** Origins as a browser sends them, separated by commas. Empty = none. */
export const origins: SettingKind<readonly string[]> = kind(
  'origins separated by commas, as `https://app.example.com`; no `*`',
  (text) => {
    const list = text.trim() === '' ? [] : text.split(',').map((origin) => origin.trim());
    return list.every(isOrigin) ? [...new Set(list)] : undefined;
  },
);

/** Any text; empty counts as unset, since that is what `VARIABLE=` in a compose file gives. */
export function text(allowed: string): SettingKind<string | undefined> {
  return { type: z.string().transform((value) => value || undefined), allowed };
}

/** As `kind`, but empty counts as unset. */
export function orEmpty<T>({ type, allowed }: SettingKind<T>): SettingKind<T | undefined> {
  const given = z.string().transform((value) => value || undefined);
  return { type: given.pipe(type.optional()), allowed };
}

/** A variable that falls back to `value`. */
export function withDefault<T>(
  { type, allowed }: SettingKind<T>,
  value: T,
  meaning: string,
  shown = String(value),
): z.ZodType<T, string | undefined> {
  return type
    .optional()
    .transform((given) => given ?? value)
    .register(settingDocs, { allowed, default: `\`${shown}\``, meaning });
}

/** A variable that stays undefined, or whose default depends on others. */
export function withoutDefault<T>(
  { type, allowed }: SettingKind<T>,
  shown: string,
  meaning: string,
): z.ZodType<T | undefined, string | undefined> {
  return type.optional().register(settingDocs, { allowed, default: shown, meaning });
}

function kind<T>(allowed: string, read: (text: string) => T | undefined): SettingKind<T> {
  const type = z.string().transform((text, context) => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: mustBe(allowed, text) });
    return z.NEVER;
  });
  return { type, allowed };
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function mustBe(allowed: string, given: string): string {
  const words = `must be ${allowed.replaceAll('`', '')}`;
  return given === '' ? `is empty, ${words}, or not set at all` : words;
}
