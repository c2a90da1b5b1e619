import { describe, expect, it } from 'vitest';
import { parseTraceparent } from '#http/traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  it.each([
    ['of version 00', `00-${TRACE}-${SPAN}-01`, true],
    ['that is not sampled', `00-${TRACE}-${SPAN}-00`, false],
    ['whose other flags are set', `00-${TRACE}-${SPAN}-ff`, true],
    ['whose other flags alone are set', `00-${TRACE}-${SPAN}-fe`, false],
    ['of a later version', `cc-${TRACE}-${SPAN}-01`, true],
    ['of a later version with more fields', `cc-${TRACE}-${SPAN}-01-what-the-future-holds`, true],
    ['of a later version with an empty field more', `cc-${TRACE}-${SPAN}-01-`, true],
  ])('%s is read', (_kind, header, isSampled) => {
    expect(parseTraceparent(header, 'a=b')).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled,
      state: 'a=b',
    });
  });

  it.each([
    ['is absent', undefined],
    ['is empty', ''],
    ['has version ff', `ff-${TRACE}-${SPAN}-01`],
    ['has a version that is too short', `0-${TRACE}-${SPAN}-01`],
    ['has a version that is no number', `qw-${TRACE}-${SPAN}-01`],
    ['of version 00 has more fields', `00-${TRACE}-${SPAN}-01-x`],
    ['of version 00 has an empty field more', `00-${TRACE}-${SPAN}-01-`],
    ['of a later version goes on without a dash', `cc-${TRACE}-${SPAN}-01.what`],
    ['has a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['has a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['has a trace id that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['has a span id that is too long', `00-${TRACE}-${SPAN}0-01`],
    ['has capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['has flags that are no number', `00-${TRACE}-${SPAN}-0x`],
    ['has flags that are too short', `00-${TRACE}-${SPAN}-1`],
    ['has blanks', ` 00-${TRACE}-${SPAN}-01`],
    ['was sent twice', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])('that %s is none', (_kind, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
