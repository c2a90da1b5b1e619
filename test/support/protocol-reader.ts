/** One message of PostgreSQL's protocol: what tells where a conversation is, and no value that is in it. */
export interface ProtocolMessage {
  readonly from: 'client' | 'server';
  /** Its first byte as a letter; empty for what a client says first. */
  readonly type: string;
  /** The statement that a client sends, the tag of a command that the server has finished; else empty. Never a value. */
  readonly text: string;
  /** What the server said last before it: `I` idle, `T` in a transaction, `E` in a failed one; empty before the login. */
  readonly transaction: string;
}

const TYPE_BYTES = 1;
const LENGTH_BYTES = 4;

/** Cuts the stream of one connection without TLS into messages, both ways. */
export class ProtocolReader {
  readonly #rest = { client: Buffer.alloc(0), server: Buffer.alloc(0) };
  #hasBegun = false;
  #transaction = '';

  /** Takes what came from one side and returns the messages that are complete now. */
  read(from: 'client' | 'server', chunk: Buffer): ProtocolMessage[] {
    let bytes = Buffer.concat([this.#rest[from], chunk]);
    const found: ProtocolMessage[] = [];
    for (;;) {
      const typeBytes = from === 'client' && !this.#hasBegun ? 0 : TYPE_BYTES;
      if (bytes.length < typeBytes + LENGTH_BYTES) break;
      const end = typeBytes + bytes.readUInt32BE(typeBytes);
      if (bytes.length < end) break;
      const type = bytes.toString('latin1', 0, typeBytes);
      found.push(this.#toMessage(from, type, bytes.subarray(typeBytes + LENGTH_BYTES, end)));
      this.#hasBegun = true;
      bytes = bytes.subarray(end);
    }
    this.#rest[from] = bytes;
    return found;
  }

  #toMessage(from: 'client' | 'server', type: string, body: Buffer): ProtocolMessage {
    const transaction = this.#transaction;
    if (from === 'server' && type === 'Z') this.#transaction = body.toString('latin1', 0, 1);
    return { from, type, text: textOf(from, type, body), transaction };
  }
}

function textOf(from: 'client' | 'server', type: string, body: Buffer): string {
  const [first = '', second = ''] = body.toString('utf8').split('\0', 2);
  switch (`${from} ${type}`) {
    // A simple query; the tag of a command.
    case 'client Q':
    case 'server C':
      return first;
    // A statement's name, then its text.
    case 'client P':
      return second;
    default:
      return '';
  }
}
