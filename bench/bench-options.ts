import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Contestant } from './contestant.ts';
import { chosenFrom, LINE_UP } from './line-up.ts';
import { type Workload, WORKLOAD_NAMES } from './workload.ts';

/** How a run is made. */
export interface BenchOptions {
  readonly contestants: readonly Contestant[];
  readonly routes: readonly Workload['name'][];
  readonly rounds: number;
  readonly requests: number;
  readonly warmUp: number;
  /** No round begins later than this after the start. */
  readonly limitMs: number;
  /** Put the result into the page on performance. */
  readonly write: boolean;
  /** Where each contestant leaves a CPU profile of its whole life. */
  readonly profileFolder: string | undefined;
}

/** Shown for a command line that cannot be read. */
export const USAGE = `usage: npm run bench -- [--quick] [--only a,d] [--route read,list,insert]
  [--rounds n] [--requests n] [--warm-up n] [--profile folder] [--write]`;

const FULL = { rounds: 7, requests: 1500, warmUp: 1500 };
const QUICK = { rounds: 2, requests: 200, warmUp: 100 };
/** Of the ten minutes that a run may take; the rest is for the start and the round that is under way. */
const LIMIT_MS = 8 * 60_000;

/** Reads the command line. Throws a TypeError or RangeError for one that says nothing sensible. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      route: { type: 'string', default: '' },
      rounds: { type: 'string' },
      requests: { type: 'string' },
      'warm-up': { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const usual = values.quick ? QUICK : FULL;
  return {
    contestants: values.only === '' ? LINE_UP : chosenFrom(LINE_UP, listOf(values.only)),
    routes: routesOf(values.route),
    rounds: count('--rounds', values.rounds, usual.rounds),
    requests: count('--requests', values.requests, usual.requests),
    warmUp: count('--warm-up', values['warm-up'], usual.warmUp),
    limitMs: LIMIT_MS,
    write: values.write,
    profileFolder: values.profile === undefined ? undefined : resolve(values.profile),
  };
}

function listOf(value: string): readonly string[] {
  return value.split(',').filter((name) => name !== '');
}

function routesOf(value: string): readonly Workload['name'][] {
  const names = listOf(value);
  const unknown = names.filter((name) => !WORKLOAD_NAMES.some((known) => known === name));
  if (unknown.length > 0) {
    throw new RangeError(
      `no such route: ${unknown.join(', ')}; there are ${WORKLOAD_NAMES.join(', ')}`,
    );
  }
  return WORKLOAD_NAMES.filter((known) => names.length === 0 || names.includes(known));
}

function count(name: string, value: string | undefined, usual: number): number {
  const number = value === undefined ? usual : Number(value);
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new RangeError(`${name} is a whole number of at least 1`);
  }
  return number;
}
