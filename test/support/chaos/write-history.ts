import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exchange, nameOfExchange, problemCode } from './keep-alive-client.ts';

/**
 * What a client may conclude: `ok`, the write is there; `fail`, it is not and never will be; `unknown`, only the
 * database can tell.
 */
export type WriteOutcome = 'ok' | 'fail' | 'unknown';

interface WriteRecord {
  readonly id: string;
  readonly outcome: WriteOutcome;
  readonly ending: string;
  readonly sentAt: number;
  readonly endedAt: number;
}

/** Compares what the clients were told with what is stored. */
export interface WriteVerdict {
  /** Acknowledged and missing. */
  readonly lost: readonly string[];
  /** Refused for certain, or never sent, and stored. */
  readonly phantom: readonly string[];
  /** Stored more than once. */
  readonly duplicate: readonly string[];
}

/** The acknowledged-write checker: every write has an id chosen by its client, and one outcome. */
export class WriteHistory {
  readonly seed: number;
  readonly #records: WriteRecord[] = [];
  readonly #counts = { ok: 0, fail: 0, unknown: 0 };

  constructor(seed: number) {
    this.seed = seed;
  }

  add(id: string, exchange: Exchange): void {
    const { sentAt, endedAt } = exchange;
    const outcome = outcomeOf(exchange);
    this.#counts[outcome] += 1;
    this.#records.push({ id, outcome, ending: nameOfExchange(exchange), sentAt, endedAt });
  }

  count(outcome: WriteOutcome): number {
    return this.#counts[outcome];
  }

  /** When the first write was acknowledged that ended at or after this moment; undefined while there is none. */
  firstOkAfter(moment: number): number | undefined {
    // Records are in the order of their ends.
    return this.#records.find(({ outcome, endedAt }) => outcome === 'ok' && endedAt >= moment)
      ?.endedAt;
  }

  /** The longest that anybody waited, in milliseconds. */
  get longestMs(): number {
    return this.#records.reduce((max, { sentAt, endedAt }) => Math.max(max, endedAt - sentAt), 0);
  }

  /** Judges the ids found in the database after the run, each as often as it was found. */
  verify(stored: readonly string[]): WriteVerdict {
    const found = new Set<string>();
    const duplicate: string[] = [];
    for (const id of stored) {
      if (found.has(id)) duplicate.push(id);
      found.add(id);
    }
    const idsOf = (wanted: WriteOutcome) =>
      this.#records.filter(({ outcome }) => outcome === wanted).map(({ id }) => id);
    return {
      lost: idsOf('ok').filter((id) => !found.has(id)),
      phantom: idsOf('fail').filter((id) => found.has(id)),
      duplicate,
    };
  }

  /** Writes the run down, one record a line under its seed, and resolves to the file's path. */
  async save(): Promise<string> {
    const path = join(tmpdir(), `tidegauge-history-${randomUUID()}.jsonl`);
    const lines = [{ seed: this.seed }, ...this.#records].map((line) => JSON.stringify(line));
    await writeFile(path, `${lines.join('\n')}\n`);
    return path;
  }
}

function outcomeOf(exchange: Exchange): WriteOutcome {
  switch (exchange.kind) {
    case 'refused':
      return 'fail';
    case 'broken':
      return 'unknown';
    case 'answer':
      if (exchange.status < 300) return 'ok';
      return problemCode(exchange) === 'DB_COMMIT_UNKNOWN' ? 'unknown' : 'fail';
  }
}
