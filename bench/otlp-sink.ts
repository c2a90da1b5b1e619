import { createServer } from 'node:http';

// Takes what exporters send, counts the bytes by the first part of the path, and throws them away.
const bytes: Record<string, number> = {};

createServer((request, response) => {
  const [, sender = ''] = (request.url ?? '').split('/');
  if (request.method === 'GET') {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(bytes));
    return;
  }
  request.on('data', (chunk: Buffer) => {
    bytes[sender] = (bytes[sender] ?? 0) + chunk.length;
  });
  request.on('end', () => response.setHeader('content-type', 'application/x-protobuf').end());
}).listen(Number(process.env['PORT']), '127.0.0.1');
