import { withClient } from '#test/support/databases.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';

/** Looks at the server's own list of sessions, again and again without a pause, and keeps the highest counts. */
export class SessionPeaks implements AsyncDisposable {
  /** Most sessions of the pool that were there at the same time. */
  pool = 0;
  /** The same of the whole service: pools, probe, figures. */
  service = 0;
  /** How often it has looked. */
  looks = 0;
  readonly #looking: Promise<void>;
  #isStopped = false;

  /** `pool`: what its sessions call themselves. */
  constructor(address: TestServerAddress, pool = 'tidegauge/main') {
    this.#looking = this.#look(address, pool);
  }

  /** Resolves when it looks no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#looking;
  }

  async #look(address: TestServerAddress, pool: string): Promise<void> {
    await withClient(address, async (client) => {
      while (!this.#isStopped) {
        const { rows } = await client.query<{ pool: number; service: number }>(
          `select count(*)::int as service,
            (count(*) filter (where application_name = $1))::int as pool
          from pg_stat_activity
          where application_name like 'tidegauge/%' and datname = current_database()`,
          [pool],
        );
        this.pool = Math.max(this.pool, rows[0]?.pool ?? 0);
        this.service = Math.max(this.service, rows[0]?.service ?? 0);
        this.looks += 1;
      }
    });
  }
}
