import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

export const SOURCE_TYPES = ['prometheus', 'loki', 'tempo'] as const;
export type SourceType = (typeof SOURCE_TYPES)[number];

/** The variable that chooses the data source of a type: provisioning from files resolves nothing else. */
export function sourceVariable(type: SourceType): string {
  return `${type}_datasource`;
}

/** The data source that the reader has chosen. */
export function source(type: SourceType): DataSourceRef {
  return { type, uid: `\${${sourceVariable(type)}}` };
}
