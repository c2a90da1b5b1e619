import type { DatabaseSessionManager } from '#database/session-manager.ts';
import type { ProtocolMessage } from '#test/support/protocol-reader.ts';
import type { TcpProxy } from '#test/support/tcp-proxy.ts';
import { Tally } from './tally.ts';

/** Where in its conversation with the server a session that writes is cut off: the message that is lost. */
const POINTS: readonly (readonly [name: string, (message: ProtocolMessage) => boolean])[] = [
  ['begin', ({ from, text }) => from === 'client' && /^(begin|start transaction)\b/.test(text)],
  [
    'first statement',
    ({ from, type, transaction }) => from === 'client' && type !== 'X' && transaction === 'T',
  ],
  ['before commit', ({ from, text }) => from === 'client' && text === 'commit'],
  [
    'after commit',
    ({ from, type, text }) => from === 'server' && type === 'C' && text === 'COMMIT',
  ],
];

/** What the sessions of one run were told. */
export interface CutReport {
  /** Point and code, counted. */
  readonly outcomes: Tally;
  /** Cuts until the end, or until no connection was to be had any more. */
  readonly cuts: number;
  readonly isWedged: boolean;
}

/** Cuts one session after the other, each at the next point; each writes the number of its cut into the table `cuts`. */
export async function cutSessions(
  sessions: DatabaseSessionManager,
  proxy: TcpProxy,
  count: number,
): Promise<CutReport> {
  const outcomes = new Tally();
  for (let cuts = 0; cuts < count; cuts += 1) {
    const [name, matches] = POINTS[cuts % POINTS.length] ?? ['', () => false];
    const isCut = proxy.cutAt(matches);
    const outcome = await sessions
      .session((db) => db.execute('insert into cuts values (?)', [cuts]))
      .then(
        () => 'committed',
        (error: unknown) => String(Reflect.get(Object(error), 'code')),
      );
    if (outcome === 'DB_POOL_TIMEOUT') {
      return { outcomes, cuts, isWedged: true };
    }
    outcomes.add(`${name}: ${outcome}`);
    await isCut;
  }
  return { outcomes, cuts: count, isWedged: false };
}
