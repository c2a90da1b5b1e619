import { randomBytes } from 'node:crypto';
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the services of this run leave what they write; absent in projects without a server. */
    outputDir?: string;
  }
}

/** File of the folder that has the secrets of its services, one JSON object a line. */
export const SECRETS_FILE = 'secrets.jsonl';

/** Ending of a file that has what one service has written. */
export const OUTPUT_ENDING = '.out';

/** A value that must not be in anything a service writes. */
export interface Secret {
  readonly kind: string;
  readonly value: string;
}

/** Shorter ones are words that a log may have. */
const SHORTEST_SECRET = 8;

/** What one service under test writes, kept for the search that ends the run. */
export class ServiceOutput implements Disposable {
  readonly #dir: string;
  readonly #file: number;

  /** `dir` is the run's unless a test searches for itself; `service` names it in what is found. */
  constructor(service: string, dir: string) {
    this.#dir = dir;
    const name = `${service}-${randomBytes(4).toString('hex')}${OUTPUT_ENDING}`;
    this.#file = openSync(join(dir, name), 'ax', 0o600);
  }

  /** Keeps a text from `source` (log, stderr, metrics); written when this returns. */
  write(source: string, text: string): void {
    const lines = text.split('\n').map((line) => `${source}\t${line}\n`);
    writeSync(this.#file, lines.join(''));
  }

  /** Has the search look for a value, in everything that any service of the run writes. */
  addSecret(kind: string, value: string): void {
    if (value.length >= SHORTEST_SECRET) {
      const secret: Secret = { kind, value };
      appendFileSync(join(this.#dir, SECRETS_FILE), `${JSON.stringify(secret)}\n`, { mode: 0o600 });
    }
  }

  /** Has the search look for the secrets of an environment: passwords in URLs, tokens. */
  addSecretsOf(env: Readonly<Record<string, string | undefined>>): void {
    for (const [name, value = ''] of Object.entries(env)) {
      if (name.endsWith('_TOKEN')) {
        this.addSecret(name, value);
      }
      const password = URL.parse(value)?.password ?? '';
      this.addSecret(`password of ${name}`, decodeURIComponent(password));
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** The output of a service that this test file starts; undefined where no run keeps any. */
export function outputOfService(): ServiceOutput | undefined {
  const dir = inject('outputDir');
  return dir === undefined
    ? undefined
    : new ServiceOutput(basename(expect.getState().testPath ?? 'unknown', '.test.ts'), dir);
}
