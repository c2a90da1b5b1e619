import { renderTextPanelMarkdown } from '@grafana/data';
import { RenderUserContentAsHTML } from '@grafana/ui';
import type { PanelData } from './panel-data.ts';

/** Markdown. */
export function TextPanel({
  panel,
  replaceVariables,
}: Pick<PanelData, 'panel' | 'replaceVariables'>) {
  const content = renderTextPanelMarkdown(replaceVariables(panel.options?.content ?? ''));
  return <RenderUserContentAsHTML className="markdown-html" content={content} />;
}
