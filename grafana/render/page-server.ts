import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { build } from 'esbuild';

const HTML = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/page.css">
<div id="root"></div><script type="module" src="/page.js"></script>`;

const TYPES = new Map([
  ['', 'text/html'],
  ['.js', 'text/javascript'],
  ['.css', 'text/css'],
  ['.svg', 'image/svg+xml'],
  ['.woff', 'font/woff'],
  ['.woff2', 'font/woff2'],
]);

/** Bundles the page and serves it, its fonts and Grafana's icons on loopback until it is closed. */
export async function servePage() {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'page.tsx')],
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    target: 'es2024',
    jsx: 'automatic',
    minify: true,
    // The code editor's icons are not needed: nothing is edited here.
    loader: { '.woff': 'file', '.woff2': 'file', '.ttf': 'empty' },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    logLevel: 'error',
  });
  const files = new Map<string, string | Uint8Array>([['/', HTML]]);
  for (const { path, contents } of outputFiles) files.set(path, contents);

  const server = createServer(({ url = '/' }, response) => {
    const body = files.get(url) ?? readIcon(url);
    const type = TYPES.get(extname(url)) ?? 'application/octet-stream';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('bug: no port');
  return { server, url: `http://127.0.0.1:${address.port}/` };
}

const ICONS = join(import.meta.dirname, 'node_modules/@grafana/ui/dist/public/img/icons');

function readIcon(url: string): Uint8Array | undefined {
  const [, name] = /^\/public\/build\/img\/icons\/(\w+\/[\w-]+\.svg)$/.exec(url) ?? [];
  const file = join(ICONS, name ?? '');
  return name !== undefined && existsSync(file) ? readFileSync(file) : undefined;
}
