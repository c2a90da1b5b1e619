import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './dashboards.ts';

// npm run dashboards: what Grafana reads is made here, never by hand.
for (const [file, content] of dashboardFiles()) {
  writeFileSync(new URL(`../dashboards/${file}`, import.meta.url), content);
}
