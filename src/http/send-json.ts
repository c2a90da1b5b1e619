import type { Response } from 'express';

/** Answers with a body that is plain data. */
export function sendJson(response: Response, status: number, body: object): void {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length })
    .end(text);
}
