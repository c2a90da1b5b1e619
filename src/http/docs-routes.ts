import { createRequire } from 'node:module';
import path from 'node:path';

import type { Response } from 'express';

import { notFound } from './http-error.ts';
import type { ServiceRoute } from './service-route.ts';

const HTML_TYPE = 'text/html; charset=utf-8';
const SCRIPT_TYPE = 'text/javascript; charset=utf-8';
const STYLE_TYPE = 'text/css; charset=utf-8';
const MARKDOWN_TYPE = 'text/markdown; charset=utf-8';

const ASSET_MAX_AGE_MS = 86_400_000;

const SWAGGER_UI = path.dirname(
  createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'),
);
const DOCS = path.join(import.meta.dirname, '../../docs');

// Swagger UI needs data: images and style attributes; nothing comes from another host, and no script stands in the page.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/initializer.js"></script>
  </body>
</html>
`;

const INITIALIZER = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
});
`;

/** A page to read and try the API, with its assets, and the page that error answers link to. All served from here. */
export function docsRoutes(): ServiceRoute[] {
  return [
    docsRoute('/docs', 'getDocs', 'A page to read and try the API', HTML_TYPE, (response) => {
      response.setHeader('Content-Security-Policy', PAGE_POLICY);
      response.type(HTML_TYPE).send(PAGE);
    }),
    docsRoute(
      '/docs/initializer.js',
      'getDocsInitializer',
      'Script of the page',
      SCRIPT_TYPE,
      (response) => {
        response.type(SCRIPT_TYPE).send(INITIALIZER);
      },
    ),
    docsFile('swagger-ui.css', 'getDocsStyle', 'Style of the page', STYLE_TYPE, SWAGGER_UI),
    docsFile('swagger-ui-bundle.js', 'getDocsBundle', 'Swagger UI', SCRIPT_TYPE, SWAGGER_UI),
    docsFile('errors.md', 'getErrorPage', 'Every error code explained', MARKDOWN_TYPE, DOCS),
  ];
}

function docsFile(
  name: string,
  operationId: string,
  summary: string,
  contentType: string,
  root: string,
): ServiceRoute {
  return docsRoute(`/docs/${name}`, operationId, summary, contentType, async (response) => {
    response.type(contentType).removeHeader('Cache-Control');
    await new Promise<void>((resolve, reject) => {
      response.sendFile(name, { root, maxAge: ASSET_MAX_AGE_MS }, (error?: Error) => {
        // An error after the head is a reader who left; one before it is a file that is not deployed.
        if (error === undefined || response.headersSent) resolve();
        else reject(notFound());
      });
    });
  });
}

function docsRoute(
  at: string,
  operationId: string,
  summary: string,
  contentType: string,
  answer: (response: Response) => Promise<void> | void,
): ServiceRoute {
  return {
    method: 'get',
    path: at,
    operationId,
    summary,
    responses: { 200: { description: summary, contentType: contentType.replace(/;.*/, '') } },
    handle: (_request, response) => answer(response),
  };
}
