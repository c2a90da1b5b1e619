import { fileURLToPath } from 'node:url';

/** Where something was done. The text is made when it is asked for, which most never are. */
export interface CapturedStack {
  /** Frames of the project, innermost first, one a line, paths relative to its root; empty when there are none. */
  readonly text: string;
}

const ROOT = new URL('../../../', import.meta.url);
const FOREIGN = /\(<anonymous>\)|node:|node_modules\//;

/** Captures the caller's stack, awaiting callers included, of at most `limit` frames before foreign ones are left out. */
export function captureStack(limit = 20): CapturedStack {
  const holder: { stack?: string } = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = limit;
  Error.captureStackTrace(holder, captureStack);
  Error.stackTraceLimit = stackTraceLimit;
  return {
    get text() {
      return format(holder.stack ?? '');
    },
  };
}

function format(stack: string): string {
  return stack
    .split('\n')
    .slice(1)
    .map((frame) => frame.trim().replace(ROOT.href, '').replace(fileURLToPath(ROOT), ''))
    .filter((frame) => !FOREIGN.test(frame))
    .join('\n');
}
