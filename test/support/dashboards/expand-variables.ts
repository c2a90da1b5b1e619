/** What the variables of a dashboard stand for: those of the reader, and those of Grafana. */
export interface VariableValues {
  readonly job: string;
  readonly instance: string;
  readonly pool: string;
  readonly __rate_interval: string;
  readonly __interval: string;
  readonly __range: string;
  readonly __auto: string;
}

/** Everything of the last minutes. Regular expressions, as Grafana puts them in for "All". */
export const ANY_VALUES: VariableValues = {
  job: 'tidegauge',
  instance: '.+',
  pool: '.+',
  __rate_interval: '1m',
  __interval: '15s',
  __range: '15m',
  __auto: '1m',
};

/** The expression as Grafana sends it. Throws for a variable that is not known. */
export function expandVariables(expr: string, values: VariableValues = ANY_VALUES): string {
  const known = new Map<string, string>(Object.entries(values));
  return expr.replaceAll(/\$\{?(\w+)\}?/g, (variable, name: string) => {
    const value = known.get(name);
    if (value === undefined) {
      throw new Error(`${variable} is no variable of a dashboard`);
    }
    return value;
  });
}
