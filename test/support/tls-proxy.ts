import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { TLSSocketOptions } from 'node:tls';
import { openSecureSocket } from '#database/tls/secure-socket.ts';
import { choosePort, LOOPBACK } from '#database/embedded/free-port.ts';

export const SSL_REQUEST = '0000000804d2162f';

interface Target {
  readonly host: string;
  readonly port: number;
}

/** What is done with somebody who asks for TLS. */
export type TlsManners =
  /** Says no, and passes on what then comes in plain text. */
  | { readonly kind: 'refuses' }
  /** Says yes, and more: at once, or into the handshake. */
  | { readonly kind: 'injects'; readonly bytes: Uint8Array; readonly isLater?: boolean }
  /** Shakes hands itself, and passes on what it has decrypted: in plain text, or over TLS of its own. */
  | {
      readonly kind: 'terminates';
      readonly options: TLSSocketOptions;
      readonly isRelaying?: boolean;
    }
  /** Looks on. */
  | { readonly kind: 'passes' };

/** What stands between a client and a server, and meddles with TLS. Plain text passes. */
export class TlsProxy implements AsyncDisposable {
  readonly host = LOOPBACK;
  readonly port: number;
  /** With what each client began, in hexadecimal. */
  readonly beginnings: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Sockets that are open now, on both sides. */
  get sockets(): number {
    return this.#sockets.size;
  }

  static async start(target: Target, manners: TlsManners): Promise<TlsProxy> {
    const server = createServer();
    const proxy = new TlsProxy(server, await choosePort(undefined));
    server.on('connection', (client) => proxy.#welcome(client, target, manners));
    server.listen(proxy.port, LOOPBACK);
    await once(server, 'listening');
    return proxy;
  }

  #welcome(client: Socket, target: Target, manners: TlsManners): void {
    this.#keep(client);
    client.once('data', (first: Buffer) => {
      client.pause();
      this.beginnings.push(first.toString('hex'));
      if (manners.kind === 'passes' || first.toString('hex') !== SSL_REQUEST) {
        this.#pass(client, connect(target.port, target.host), first);
        return;
      }
      switch (manners.kind) {
        case 'refuses':
          client.write('N');
          this.#pass(client, connect(target.port, target.host));
          break;
        case 'injects':
          client.write(manners.isLater ? 'S' : Buffer.concat([Buffer.from('S'), manners.bytes]));
          client.once('data', () => manners.isLater && client.write(manners.bytes)).resume();
          break;
        case 'terminates': {
          client.write('S');
          const secured = new TLSSocket(client, { ...manners.options, isServer: true });
          secured.on('error', () => client.destroy());
          void this.#reach(target, manners.isRelaying).then((server) =>
            this.#pass(secured, server),
          );
          break;
        }
      }
    });
  }

  async #reach(target: Target, isRelaying = false): Promise<Socket> {
    if (!isRelaying) return connect(target.port, target.host);
    const secured = { ...target, tls: { mode: 'require' } as const };
    return (await openSecureSocket(secured, new AbortController().signal)).socket;
  }

  #pass(client: Socket, server: Socket, first: Buffer | string = ''): void {
    this.#keep(server);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    server.write(first);
    client.pipe(server);
    server.pipe(client);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}
