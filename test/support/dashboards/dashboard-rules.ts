import { CATALOGUE_RULES } from './catalogue-rules.ts';
import { LAYOUT_RULES } from './layout-rules.ts';
import { PANEL_RULES } from './panel-rules.ts';
import type { Rules } from './rule.ts';
import { TARGET_RULES } from './target-rules.ts';
import { TEMPLATE_RULES } from './template-rules.ts';

/** Everything that every dashboard is held to. */
export const DASHBOARD_RULES: Rules = {
  ...TEMPLATE_RULES,
  ...PANEL_RULES,
  ...TARGET_RULES,
  ...CATALOGUE_RULES,
  ...LAYOUT_RULES,
};
