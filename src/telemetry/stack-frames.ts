import { safeText } from './safe-text.ts';

const MAX_FRAMES = 30;
/** As V8 writes it, and as the stack of a holder has it: not indented, its path relative to the project. */
const FRAME =
  /^ {0,8}at (?:[^\n]{1,300} \()?(?:async )?(?:file:\/\/|node:|\/|[A-Za-z]:\\|[\w-]{1,100}\/)[^\n]{1,500}:\d+:\d+\)?$/;

/**
 * The frames of a stack, one a line; undefined when there is none. `foreign` is text that may hold values: a line of it
 * could imitate a frame, and is none.
 */
export function stackFrames(stack: string, foreign = ''): string | undefined {
  const frames = stack
    .split('\n')
    .filter((line) => FRAME.test(line) && !foreign.includes(line.trim()))
    .slice(0, MAX_FRAMES);
  return frames.length === 0 ? undefined : safeText(frames.join('\n'));
}
