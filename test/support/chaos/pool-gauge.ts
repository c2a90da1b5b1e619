import { parseExposition } from '#test/support/exposition.ts';
import { KeepAliveClient } from './keep-alive-client.ts';

/** A pool as the service's own `/metrics` shows it. */
export interface PoolGauge {
  readonly idle: number;
  readonly used: number;
  readonly connecting: number;
  readonly max: number;
}

/** Scrapes a service for the gauges of its pool. */
export async function poolGauge(url: string): Promise<PoolGauge> {
  const client = new KeepAliveClient(url);
  const answer = await client.send('GET', '/metrics');
  client.close();
  if (answer.kind !== 'answer' || typeof answer.body !== 'string') {
    throw new Error(`/metrics is not answered: ${answer.kind}`);
  }
  const samples = parseExposition(answer.body, 'text').flatMap((family) => family.samples);
  const valueOf = (name: string, state?: string) =>
    samples.find(
      (sample) =>
        sample.name === name &&
        (state === undefined || sample.labels['db_client_connection_state'] === state),
    )?.value ?? NaN;
  return {
    idle: valueOf('db_client_connection_count', 'idle'),
    used: valueOf('db_client_connection_count', 'used'),
    connecting: valueOf('db_client_connection_count', 'connecting'),
    max: valueOf('db_client_connection_max'),
  };
}
