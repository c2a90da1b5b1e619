import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { choosePort, LOOPBACK } from '#database/embedded/free-port.ts';

/** `refuse`: nobody listens. `blackHole`: connections are accepted and never answered. */
export type ProxyMode = 'refuse' | 'forward' | 'blackHole';

/** A port of the loopback address that stands before a server and fails as it is told to. */
export class TcpProxy implements AsyncDisposable {
  readonly host = LOOPBACK;
  readonly port: number;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #mode: ProxyMode = 'refuse';
  #server: Server | undefined;

  private constructor(port: number, target: { readonly host: string; readonly port: number }) {
    this.port = port;
    this.#target = target;
  }

  /** Chooses a free port; refuses until told otherwise. */
  static async create(
    target: { readonly host: string; readonly port: number },
    mode: ProxyMode = 'refuse',
  ): Promise<TcpProxy> {
    const proxy = new TcpProxy(await choosePort(undefined), target);
    await proxy.become(mode);
    return proxy;
  }

  /** Changes what new connections meet, and cuts those there are. */
  async become(mode: ProxyMode): Promise<void> {
    this.#mode = mode;
    for (const socket of this.#sockets) socket.destroy();
    if (mode === 'refuse') {
      const closed = this.#server && once(this.#server, 'close');
      this.#server?.close();
      this.#server = undefined;
      await closed;
    } else if (this.#server === undefined) {
      this.#server = createServer((socket) => this.#accept(socket));
      await once(this.#server.listen(this.port, this.host), 'listening');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.become('refuse');
  }

  #accept(client: Socket): void {
    this.#hold(client);
    if (this.#mode === 'forward') {
      const server = this.#hold(connect(this.#target.port, this.#target.host));
      client.pipe(server).pipe(client);
      client.once('close', () => server.destroy());
      server.once('close', () => client.destroy());
    }
  }

  #hold(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // A reset of one side is passed on by its `close`.
    socket.on('error', () => undefined);
    return socket;
  }
}
