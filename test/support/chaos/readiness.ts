import { type Exchange, KeepAliveClient } from './keep-alive-client.ts';

/** One GET on a connection of its own. */
export async function requestOnce(url: string, path: string): Promise<Exchange> {
  const client = new KeepAliveClient(url);
  const exchange = await client.send('GET', path);
  client.close();
  return exchange;
}

/** The word of `/readyz`; undefined when it is not answered. */
export async function readiness(url: string): Promise<unknown> {
  const exchange = await requestOnce(url, '/readyz');
  return exchange.kind === 'answer' && typeof exchange.body === 'object' && exchange.body !== null
    ? Reflect.get(exchange.body, 'status')
    : undefined;
}
