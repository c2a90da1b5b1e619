import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expositionFormat } from '#telemetry/exposition-format.ts';

const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

describe('the format of a scrape', () => {
  it.each([
    [PROMETHEUS_3],
    ['application/openmetrics-text; version=1.0.0'],
    ['application/openmetrics-text; version="1.0.0"; charset=utf-8'],
    ['Application/OpenMetrics-Text'],
    ['text/plain;q=0.5, application/openmetrics-text;q=0.9'],
    ['application/openmetrics-text;q=0.5, text/*;q=0.4, */*'],
  ])('is OpenMetrics for %s', (accept) => {
    expect(expositionFormat(accept)).toBe('openmetrics');
  });

  it.each([
    [undefined],
    [''],
    ['*/*'],
    ['application/*'],
    ['text/html, */*;q=0.8'],
    ['text/plain'],
    ['application/openmetrics-text;version=0.0.1'],
    ['application/openmetrics-text;q=0, text/plain;q=0.1'],
    ['application/openmetrics-text;q=0'],
    ['application/openmetrics-text;q=0.3, text/plain;q=0.4'],
    ['application/openmetrics-text;q=0.3, */*'],
    ['application/openmetrics-text;q=nonsense'],
  ])('is text for %s', (accept) => {
    expect(expositionFormat(accept)).toBe('text');
  });

  it('is chosen for any header', () => {
    fc.assert(
      fc.property(fc.string(), (accept) => {
        expect(['text', 'openmetrics']).toContain(expositionFormat(accept));
      }),
    );
  });
});
