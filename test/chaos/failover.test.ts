import pg from 'pg';
import { afterAll, describe, expect, it, onTestFailed } from 'vitest';
import { databaseUrl } from '#test/support/chaos/database-url.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { readiness } from '#test/support/chaos/readiness.ts';
import { chaosSeed } from '#test/support/chaos/seeded-random.ts';
import { storedEmails } from '#test/support/chaos/stored-emails.ts';
import { SwitchedServers } from '#test/support/chaos/switched-servers.ts';
import { UserWriters } from '#test/support/chaos/user-writers.ts';
import { WriteHistory } from '#test/support/chaos/write-history.ts';
import { ServiceProcess } from '#test/support/service-process.ts';
import type { TestServerAddress } from '#test/support/test-server.ts';
import { until } from '#test/support/until.ts';

const SWITCHED_NAME = import.meta.resolve('#test/support/chaos/switched-name.ts');
const BOOTSTRAP = import.meta.resolve('#telemetry/bootstrap.ts');
const MAIN = new URL(import.meta.resolve('#service.ts').replace('service.ts', 'main.ts')).pathname;

const WRITERS = 16;
/** Acknowledged writes that show that the service is at work. */
const AT_WORK = 50;
/** F30 claims 5 s, which the table shows; a machine that is busy with other tests has more. */
const RECOVERY_MS = 20_000;

/** A service that finds its database by the name, under writers. */
async function underWriters(servers: SwitchedServers, env: Readonly<Record<string, string>> = {}) {
  const service = await ServiceProcess.start({
    command: [process.execPath, '--import', BOOTSTRAP, '--import', SWITCHED_NAME, MAIN],
    env: { ...servers.env, MIGRATE_ON_START: 'true', ...env },
  });
  await service.logged('service.ready');
  const history = new WriteHistory(chaosSeed());
  onTestFailed(async () => console.error(`the history is in ${await history.save()}`));
  const writers = new UserWriters(service.url, WRITERS, history);
  return { service, history, writers };
}

async function written(history: WriteHistory, count = AT_WORK): Promise<void> {
  const before = history.count('ok');
  await until(`${count} more writes are acknowledged`, () =>
    history.count('ok') >= before + count ? true : undefined,
  );
}

describe('F30: a service whose primary is replaced by its standby, under sixteen writers', () => {
  const figures = new Figures('F30', 1);
  afterAll(figures.publish);

  it('loses no acknowledged write when the primary dies with its machine, and writes again within 5 s of the switch of the name', async () => {
    await using servers = await SwitchedServers.start({ isSynchronous: true });
    const { service, history, writers } = await underWriters(servers, {
      DATABASE_REPLICA_URLS: databaseUrl(servers.standby.server.connection),
    });
    await using _service = service;
    await written(history);

    await servers.killPrimary();
    await servers.standby.promote();
    servers.switchName();
    await written(history);
    await until('the replica is found to be a primary', () =>
      service.logs.find(({ event, to }) => event === 'db.replica.changed' && to === 'promoted'),
    );
    await writers.stop();
    const { lost, phantom, duplicate } = history.verify(
      await storedEmails(servers.standby.server.connection),
    );
    const code = await service.stop();

    const recoveryMs = (history.firstOkAfter(servers.switchedAt) ?? Infinity) - servers.switchedAt;
    figures.note(
      'lost, phantom, duplicate',
      `${lost.length}, ${phantom.length}, ${duplicate.length} of ${history.count('ok')} acknowledged`,
    );
    figures.note('unknown outcomes', history.count('unknown'));
    figures.times('killed: first write after the switch', [recoveryMs]);
    figures.note('answers', writers.answers);
    expect({ lost, phantom, duplicate }).toEqual({ lost: [], phantom: [], duplicate: [] });
    expect(recoveryMs).toBeLessThan(RECOVERY_MS);
    expect(writers.answers.except(/^201$|^503 DB_|^500 DB_COMMIT_UNKNOWN$/)).toEqual({});
    expect(writers.malformed).toEqual([]);
    expect(code).toBe(0);
  });

  it('asks no demoted primary to write, and writes again within 5 s of the switch of the name', async () => {
    await using servers = await SwitchedServers.start({ isSynchronous: true });
    const { service, history, writers } = await underWriters(servers);
    await using _service = service;
    await written(history);

    await servers.demotePrimary();
    await until('the service is read_only', async () =>
      (await readiness(service.url)) === 'read_only' ? true : undefined,
    );
    await using kept = await KeptConnections.open(servers.primary.connection);
    await servers.standby.promote();
    servers.switchName();
    await written(history);
    await until('the service is up', async () =>
      ['up', 'saturated'].includes(String(await readiness(service.url))) ? true : undefined,
    );
    await writers.stop();
    const { lost, phantom, duplicate } = history.verify(
      await storedEmails(servers.standby.server.connection),
    );
    const refusedWrites = servers.refusedWrites;
    const stale = await kept.write();

    const recoveryMs = (history.firstOkAfter(servers.switchedAt) ?? Infinity) - servers.switchedAt;
    figures.times('demoted: first write after the switch', [recoveryMs]);
    figures.note('demoted: writes asked of the standby', refusedWrites);
    figures.control(
      'writes of a plain pool that fail after the switch',
      `${stale.failed} of ${stale.tried}`,
    );
    expect({ lost, phantom, duplicate }).toEqual({ lost: [], phantom: [], duplicate: [] });
    expect(recoveryMs).toBeLessThan(RECOVERY_MS);
    expect(writers.answers.count(/^503 DB_READ_ONLY$/)).toBeGreaterThan(0);
    expect(writers.answers.except(/^201$|^503 DB_|^500 DB_COMMIT_UNKNOWN$/)).toEqual({});
    expect(refusedWrites).toBe(0);
    expect(stale.failed).toBe(stale.tried);
    expect(servers.refusedWrites).toBe(stale.failed);
  });

  it('would be caught losing acknowledged writes: with an asynchronous standby it does', async () => {
    await using servers = await SwitchedServers.start({ isSynchronous: false });
    const { service, history, writers } = await underWriters(servers);
    await using _service = service;
    await written(history);

    servers.link.drop();
    await written(history);
    await servers.killPrimary();
    await servers.standby.promote();
    servers.switchName();
    await written(history, 1);
    await writers.stop();
    const { lost } = history.verify(await storedEmails(servers.standby.server.connection));

    figures.control(
      'lost with an asynchronous standby',
      `${lost.length} of ${history.count('ok')}`,
    );
    expect(lost.length).toBeGreaterThan(0);
  });
});

/** A plain pool that keeps what it opened while the name led to the demoted server. */
class KeptConnections implements AsyncDisposable {
  readonly #pool: pg.Pool;

  private constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  static async open(address: TestServerAddress): Promise<KeptConnections> {
    const pool = new pg.Pool({ ...address, ssl: false, max: 1 });
    await pool.query('select 1');
    return new KeptConnections(pool);
  }

  async write() {
    const tried = 10;
    let failed = 0;
    for (let turn = 0; turn < tried; turn += 1) {
      await this.#pool.query('begin read write').catch(() => void (failed += 1));
    }
    return { tried, failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }
}
