import { parser } from '@grafana/lezer-logql';

/** Where an expression stops being LogQL. */
export function logqlFaults(expr: string): readonly string[] {
  const faults: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from }) => {
      if (type.isError) faults.push(`no LogQL from character ${from} on: ${expr}`);
    },
  });
  return faults;
}

/** The ranges of an expression, as `$__auto`. Expects expressions that are valid once expanded. */
export function logqlRangesOf(written: string): readonly string[] {
  return [...written.matchAll(/\[([^\]]*)\]/g)].map(([, range = '']) => range);
}
