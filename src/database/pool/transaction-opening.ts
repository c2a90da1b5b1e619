const BEGINS = /^\s*(begin|start\s+transaction)\b/i;
/** Levels whose first statement decides what the transaction sees. */
const FIXES_SNAPSHOT = /\bisolation\s+level\s+(repeatable\s+read|serializable)\b/i;
const HAS_ACCESS_MODE = /\bread\s+(only|write)\b/i;

/** Column of the row in which the server says which of its processes runs the transaction. */
const PID_COLUMN = 'tidegauge_backend_pid';

/**
 * Makes what goes with a BEGIN, in the same message: that it is read-only unless it says otherwise, these settings, for
 * the transaction alone, and the question which process of the server runs it. Empty for any other statement. Behind a
 * transaction pooler nothing else holds: what is set on a session stays with a connection of the server, and so with
 * whoever gets that one next.
 */
export function transactionOpening(
  settings: Readonly<Record<string, string>>,
): (text: string) => string {
  const limits = Object.entries(settings)
    .map(([name, value]) => `; set local ${name} = '${value.replaceAll("'", "''")}'`)
    .join('');
  const question = `; select pg_catalog.pg_backend_pid() as ${PID_COLUMN}`;
  return (text) => {
    if (!BEGINS.test(text)) return '';
    const accessMode = HAS_ACCESS_MODE.test(text) ? '' : '; set transaction read only';
    // A question before the first statement would take the snapshot for it.
    return `${accessMode}${limits}${FIXES_SNAPSHOT.test(text) ? '' : question}`;
  };
}

/** The process id in the rows of such an answer; undefined when it was not asked for. */
export function backendPidIn(rows: readonly unknown[]): number | undefined {
  const [row] = rows;
  const pid: unknown =
    typeof row === 'object' && row !== null ? Reflect.get(row, PID_COLUMN) : undefined;
  return typeof pid === 'number' ? pid : undefined;
}
