import { readdir, mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { launch } from 'puppeteer-core';
import sharp from 'sharp';
import type { Dashboard } from './dashboard.ts';
import type { Drawing } from './drawing.ts';
import { PAGE_WIDTH } from './drawing.ts';
import { servePage } from './page-server.ts';
import { Prometheus } from './prometheus.ts';
import { parseSeconds, queryDashboard } from './query.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    from: { type: 'string', default: 'now-15m' },
    to: { type: 'string', default: 'now' },
    'scrape-interval': { type: 'string', default: '15s' },
    var: { type: 'string', multiple: true, default: [] },
    dashboards: { type: 'string', default: join(import.meta.dirname, '../dashboards') },
    out: { type: 'string', default: 'out' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const question = {
  prometheus: new Prometheus(options.prometheus),
  fromMs: parseMoment(options.from),
  toMs: parseMoment(options.to),
  scrapeIntervalMs: parseSeconds(options['scrape-interval']) * 1000,
  chosen: new Map(options.var.map((text) => split(text))),
};

const { server, url } = await servePage();
const browser = await launch({
  executablePath: options.chromium,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  await mkdir(options.out, { recursive: true });
  for (const file of await dashboardFiles()) {
    const dashboard: Dashboard = JSON.parse(await readFile(file, 'utf8'));
    const drawing = await queryDashboard(dashboard, question);
    const picture = `${join(options.out, basename(file, '.json'))}.png`;
    await photograph(drawing, picture);
    report(picture, drawing);
  }
} finally {
  await browser.close();
  server.close();
}

async function dashboardFiles(): Promise<string[]> {
  const files = await readdir(options.dashboards);
  return files
    .filter((file) => file.endsWith('.json'))
    .filter((file) => positionals.length === 0 || positionals.includes(basename(file, '.json')))
    .map((file) => join(options.dashboards, file))
    .toSorted();
}

async function photograph(drawing: Drawing, picture: string): Promise<void> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(String(error)));
  await page.setViewport({ width: PAGE_WIDTH, height: 1200 });
  await page.goto(url);
  const height = await page.evaluate(async (data) => globalThis.draw(data), drawing);
  await page.setViewport({ width: PAGE_WIDTH, height });
  // Icons are fetched when first shown, and charts draw on the next frame.
  await page.waitForNetworkIdle({ idleTime: 500 });
  // A palette is enough for a dashboard, and makes the file half as large.
  await sharp(await page.screenshot())
    .png({ palette: true, effort: 10 })
    .toFile(picture);
  await page.close();
}

/** Names what a reader of the picture will miss; a query that failed fails the run. */
function report(picture: string, { panels }: Drawing): void {
  console.log(picture);
  for (const { panel, answers, note } of panels) {
    if (note !== undefined) {
      console.log(`  ${panel.title}: ${note}`);
      if (!note.startsWith('from ')) process.exitCode = 1;
    }
    for (const { refId, series, expr } of answers) {
      if (series.length === 0) console.log(`  ${panel.title} (${refId}): no data: ${expr}`);
    }
  }
}

/** Reads `now`, `now-15m`, a date, or Unix seconds; throws on anything else. */
function parseMoment(text: string): number {
  const [, ago] = /^now(?:-(.+))?$/.exec(text) ?? [];
  if (text.startsWith('now')) return Date.now() - parseSeconds(ago) * 1000;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(ms)) throw new Error(`not a moment: ${text}`);
  return ms;
}

function split(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}
