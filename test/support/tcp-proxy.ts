import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { choosePort, LOOPBACK } from '#database/embedded/free-port.ts';

/** A stretch of network between a client and a server that a test can stop and cut. */
export class TcpProxy implements AsyncDisposable {
  readonly host = LOOPBACK;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<() => void>();
  #accepted = 0;
  #isHolding = false;

  private constructor(server: Server, port: number, target: { host: string; port: number }) {
    this.#server = server;
    this.port = port;
    server.on('connection', (client) => {
      this.#accepted += 1;
      this.#keep(client);
      // A socket that nobody reads never learns that its peer has gone.
      const early: Buffer[] = [];
      const keepEarly = (chunk: Buffer) => void early.push(chunk);
      client.on('data', keepEarly);
      const pass = () => {
        client.off('data', keepEarly);
        const upstream = this.#keep(connect(target));
        upstream.write(Buffer.concat(early));
        client.pipe(upstream).pipe(client);
        client.on('close', () => upstream.destroy());
        upstream.on('close', () => client.destroy());
      };
      if (this.#isHolding) {
        this.#held.add(pass);
      } else {
        pass();
      }
    });
  }

  /** Listens on a free port, below those that the system gives to connections: it can be had again after `refuse`. */
  static async start(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(createServer(), await choosePort(undefined), target);
    await proxy.listen();
    return proxy;
  }

  /** From now on nobody listens; connections that are open are reset. */
  async refuse(): Promise<void> {
    if (this.#server.listening) {
      this.#server.close();
      this.cut();
      await once(this.#server, 'close');
    }
  }

  /** Listens, again after `refuse`. */
  async listen(): Promise<void> {
    this.#server.listen(this.port, this.host);
    await once(this.#server, 'listening');
  }

  /** Connections accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Clients that are connected now. */
  get clients(): number {
    return [...this.#sockets].filter(({ localPort }) => localPort === this.port).length;
  }

  /** From now on, new connections are accepted and meet silence. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Ends the silence for those that wait in it, and for new ones. */
  letThrough(): void {
    this.#isHolding = false;
    for (const pass of this.#held) {
      this.#held.delete(pass);
      pass();
    }
  }

  /** What is sent from now on, on connections that are open, is lost, and nobody is told. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.resume();
    }
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    await this.refuse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    return socket;
  }
}
