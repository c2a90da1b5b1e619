import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { markerPattern } from './canary/canary-values.ts';

/** Settings of a server whose log holds every statement, each entry with the application it came from. */
export const SERVER_LOG_SETTINGS = {
  log_min_duration_statement: '0',
  log_line_prefix: '%a|',
} as const;

/** Connections of the service and of its migrations; the tests' own are called otherwise. */
const SERVICE_APPLICATION = /^tidegauge\//;

/** An entry that holds what it must not. */
export interface Leak {
  readonly application: string;
  readonly text: string;
}

/**
 * What a server started with SERVER_LOG_SETTINGS writes, kept in a file; entries of the service's sessions are searched
 * for values while they arrive.
 */
export class ServerLog {
  readonly file: string;
  readonly #values: RegExp;
  readonly #stream: WriteStream;
  readonly #leaks: Leak[] = [];
  #application = '';
  #serviceLines = 0;

  constructor(file: string, values: readonly string[]) {
    this.file = file;
    this.#values = markerPattern(values);
    this.#stream = createWriteStream(file, { mode: 0o600 });
  }

  /** Takes one line; one that begins with a tab belongs to the entry before. */
  readonly write = (line: string): void => {
    this.#stream.write(`${line}\n`);
    if (!line.startsWith('\t')) {
      this.#application = /^([^|]*)\|/.exec(line)?.[1] ?? '';
    }
    if (!SERVICE_APPLICATION.test(this.#application)) {
      return;
    }
    this.#serviceLines += 1;
    this.note(this.#application, line);
  };

  /** Searches a text that belongs to an application: a line, a query seen in pg_stat_activity. */
  note(application: string, text: string): void {
    if (this.#values.test(text)) {
      this.#leaks.push({ application, text });
    }
  }

  /** Lines of the service's sessions so far; a log without any proves nothing. */
  get serviceLines(): number {
    return this.#serviceLines;
  }

  get leaks(): readonly Leak[] {
    return this.#leaks;
  }

  /**
   * Ends the file and deletes it, unless a value was found.
   *
   * @throws Error that names the first leaks and the file
   */
  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream);
    if (this.#leaks.length === 0) {
      await rm(this.file, { force: true });
      return;
    }
    const first = this.#leaks.slice(0, 5).map(({ application, text }) => `${application}: ${text}`);
    throw new Error(
      `the server's log shows values of rows, ${this.#leaks.length} times; see ${this.file}\n${first.join('\n')}`,
    );
  }
}
