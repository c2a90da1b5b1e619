export type ExpositionFormat = 'text' | 'openmetrics';

const OPENMETRICS_VERSION = '1.0.0';

/**
 * Chooses the format of a scrape by its Accept header: OpenMetrics 1.0 only where it is asked for by
 * name and not less wanted than text 0.0.4, which everything else gets. Never refuses.
 */
export function expositionFormat(accept: string | undefined): ExpositionFormat {
  let openMetrics = 0;
  let text: number | undefined;
  let anyText: number | undefined;
  let any = 0;
  for (const range of (accept ?? '').split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (type === 'application/openmetrics-text' && hasVersion(parameters, OPENMETRICS_VERSION)) {
      openMetrics = Math.max(openMetrics, weight);
    } else if (type === 'text/plain' && hasVersion(parameters, '0.0.4')) {
      text = Math.max(text ?? 0, weight);
    } else if (type === 'text/*') {
      anyText = Math.max(anyText ?? 0, weight);
    } else if (type === '*/*') {
      any = Math.max(any, weight);
    }
  }
  return openMetrics > 0 && openMetrics >= (text ?? anyText ?? any) ? 'openmetrics' : 'text';
}

/** The quality of a range: 1 when unsaid, 0 (refused) when it is no number from 0 to 1. */
function weightOf(parameters: readonly string[]): number {
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  if (quality === undefined) {
    return 1;
  }
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(quality.slice(2))
    ? Number(quality.slice(2))
    : 0;
}

function hasVersion(parameters: readonly string[], version: string): boolean {
  const asked = parameters.find((parameter) => parameter.startsWith('version='));
  return asked === undefined || asked.slice('version='.length).replaceAll('"', '') === version;
}
