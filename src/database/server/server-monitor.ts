import type { DatabaseObserver } from '#database/database-observer.ts';
import { HostFigures } from './host-figures.ts';
import { ServerConnection } from './server-connection.ts';
import type { ServerConnectionOptions } from './server-connection.ts';
import { ServerFigures } from './server-figures.ts';
import { SessionActivity } from './session-activity.ts';

/** Everything that a server is asked about itself, over one connection. It asks nothing until somebody wants to know. */
export class ServerMonitor {
  readonly connection: ServerConnection;
  readonly activity: SessionActivity;
  readonly figures: ServerFigures;
  readonly hostFigures: HostFigures;

  /** `observer` is told of figures that cannot be had. */
  constructor(options: ServerConnectionOptions, observer: DatabaseObserver) {
    const { poolName: pool } = options;
    this.connection = new ServerConnection(options);
    this.activity = new SessionActivity(this.connection);
    this.figures = new ServerFigures(this.connection, ({ code, message }) =>
      observer.figuresFailed?.({ pool, code, message }),
    );
    this.hostFigures = new HostFigures(this.connection, (fault, advice) =>
      observer.hostFiguresMissing?.({ pool, fault, advice }),
    );
  }

  /** Lets questions under way end, and closes the connection. Idempotent. */
  async close(): Promise<void> {
    await this.connection.close();
  }
}
