import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { Program } from './program.ts';
import { Prometheus } from './prometheus.ts';
import { quickAlertmanager, quickPrometheus, quickRules } from './quick-config.ts';
import { WebhookSink } from './webhook-sink.ts';

/** The project's own configuration. */
const MONITORING_FILES = {
  prometheus: 'prometheus/prometheus.yml',
  rules: 'prometheus/rules',
  alertmanager: 'deploy/alertmanager/alertmanager.yml',
} as const;

const JOB = 'tidegauge';

/** Programs that have to be installed. */
export const MONITORING_PROGRAMS = ['prometheus', 'prometheus-alertmanager'] as const;

/** A real Prometheus and a real Alertmanager with the project's rules and routes, quicker, and somebody to page. */
export class Monitoring implements AsyncDisposable {
  readonly prometheus: Prometheus;
  readonly alertmanagerUrl: string;
  readonly sink: WebhookSink;
  readonly startedAt = Date.now();
  readonly #dir: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    dir: string,
    urls: { readonly prometheus: string; readonly alertmanager: string },
    sink: WebhookSink,
    resources: AsyncDisposableStack,
  ) {
    this.prometheus = new Prometheus(urls.prometheus);
    this.alertmanagerUrl = urls.alertmanager;
    this.sink = sink;
    this.#dir = dir;
    this.#resources = resources;
  }

  /** Watches the service at `serviceUrl`; resolves when everything is ready. */
  static async start(serviceUrl: string): Promise<Monitoring> {
    await using resources = new AsyncDisposableStack();
    const dir = await mkdtemp(join(tmpdir(), 'tidegauge-monitoring-'));
    const sink = resources.use(await WebhookSink.start());
    const [own, alertmanager] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    await writeFile(
      join(dir, 'alertmanager.yml'),
      quickAlertmanager(await readFile(MONITORING_FILES.alertmanager, 'utf8'), sink.url),
    );
    await mkdir(join(dir, 'rules'));
    for (const name of await readdir(MONITORING_FILES.rules)) {
      const rules = await readFile(join(MONITORING_FILES.rules, name), 'utf8');
      await writeFile(join(dir, 'rules', name), quickRules(rules));
    }
    await writeFile(
      join(dir, 'prometheus.yml'),
      quickPrometheus(await readFile(MONITORING_FILES.prometheus, 'utf8'), JOB, {
        service: new URL(serviceUrl).host,
        alertmanager,
        ruleFiles: [join(dir, 'rules', '*.yml')],
      }),
    );
    const urls = { prometheus: `http://${own}`, alertmanager: `http://${alertmanager}` };
    resources.use(
      await Program.start(
        [
          'prometheus-alertmanager',
          '--config.file=alertmanager.yml',
          '--storage.path=alertmanager',
          `--web.listen-address=${alertmanager}`,
          '--cluster.listen-address=',
        ],
        { dir, readyUrl: `${urls.alertmanager}/-/ready` },
      ),
    );
    resources.use(
      await Program.start(
        [
          'prometheus',
          '--config.file=prometheus.yml',
          '--storage.tsdb.path=prometheus',
          `--web.listen-address=${own}`,
          '--enable-feature=exemplar-storage',
        ],
        { dir, readyUrl: `${urls.prometheus}/-/ready` },
      ),
    );
    return new Monitoring(dir, urls, sink, resources.move());
  }

  /** What was watched so far. */
  get time(): { readonly from: number; readonly to: number } {
    return { from: this.startedAt, to: Date.now() };
  }

  /** Ends everything; with `keepFiles`, says where the logs and the data are instead of deleting them. */
  async end({ keepFiles }: { readonly keepFiles: boolean }): Promise<void> {
    await this.#resources.disposeAsync();
    if (keepFiles) {
      process.stderr.write(`logs and data of the monitoring are kept in ${this.#dir}\n`);
    } else {
      await rm(this.#dir, { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end({ keepFiles: false });
  }
}
