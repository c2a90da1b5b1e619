import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { until } from '#test/support/until.ts';

/** An alert as a receiver was told of it. */
export interface Notification {
  /** Of the Alertmanager's configuration. */
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Webhook {
  readonly receiver: string;
  readonly alerts: readonly Omit<Notification, 'receiver'>[];
}

/** Whoever Alertmanager would page: keeps what it is told. */
export class WebhookSink implements AsyncDisposable {
  readonly notifications: Notification[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void json(request).then((body) => {
        const { receiver, alerts } = body as Webhook; // adapter: Alertmanager's webhook
        this.notifications.push(...alerts.map((alert) => ({ ...alert, receiver })));
        response.end();
      });
    });
  }

  static async start(): Promise<WebhookSink> {
    const sink = new WebhookSink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
  }

  /** Resolves to the first notification of an alert. */
  async told(
    alertname: string,
    status: Notification['status'] = 'firing',
    deadlineMs = 60_000,
  ): Promise<Notification> {
    return await until(
      `${alertname} is ${status} at a receiver`,
      () =>
        this.notifications.find(
          ({ labels, status: told }) => labels['alertname'] === alertname && told === status,
        ),
      deadlineMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
