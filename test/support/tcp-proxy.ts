import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { choosePort, LOOPBACK } from '#database/embedded/free-port.ts';
import { networkWay } from './network-way.ts';
import { ProtocolReader } from './protocol-reader.ts';
import type { ProtocolMessage } from './protocol-reader.ts';

interface Target {
  readonly host: string;
  readonly port: number;
}

interface TcpProxyOptions extends Partial<Target> {
  readonly isPostgres?: boolean;
}

/** What becomes of a connection that a client opens. */
type Welcome = 'pass' | 'hold' | 'reset';

/** A stretch of network between a client and a server that a test can slow down, stop and cut. */
export class TcpProxy implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How much later everything arrives from now on, each way. */
  latencyMs = 0;
  #target: Target;
  readonly #isPostgres: boolean;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<() => void>();
  readonly #frozen = new WeakSet<Socket>();
  #accepted = 0;
  #peak = 0;
  #welcome: Welcome = 'pass';
  #cutAt: ((message: ProtocolMessage) => boolean) | undefined;

  private constructor(server: Server, own: Target, target: Target, isPostgres: boolean) {
    this.#server = server;
    this.#target = target;
    this.#isPostgres = isPostgres;
    this.host = own.host;
    this.port = own.port;
    server.on('connection', (client) => {
      this.#accepted += 1;
      this.#keep(client);
      this.#peak = Math.max(this.#peak, this.clients);
      if (this.#welcome === 'reset') {
        client.resetAndDestroy();
        return;
      }
      // A socket that nobody reads never learns that its peer has gone.
      const early: Buffer[] = [];
      const keepEarly = (chunk: Buffer) => void early.push(chunk);
      client.on('data', keepEarly);
      const pass = () => {
        client.off('data', keepEarly);
        this.#connect(client, Buffer.concat(early));
      };
      if (this.#welcome === 'hold') {
        this.#held.add(pass);
      } else {
        pass();
      }
    });
  }

  /**
   * Listens on a free port, below those that the system gives to connections: it can be had again after `refuse`. With
   * `isPostgres` it reads the protocol, without TLS, for `cutAt`; `host` and `port` are its own address.
   */
  static async start(
    target: Target,
    { isPostgres = false, host = LOOPBACK, port }: TcpProxyOptions = {},
  ): Promise<TcpProxy> {
    const own = { host, port: port ?? (await choosePort(undefined)) };
    const proxy = new TcpProxy(createServer(), own, target, isPostgres);
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

  /** Most clients that were connected at the same time. */
  get peak(): number {
    return this.#peak;
  }

  /** Clients that are connected now. */
  get clients(): number {
    return [...this.#sockets].filter(({ localPort }) => localPort === this.port).length;
  }

  /** From now on, new connections lead to another server. */
  leadTo(target: Target): void {
    this.#target = target;
  }

  /** From now on, new connections are accepted and meet silence. */
  hold(): void {
    this.#welcome = 'hold';
  }

  /** From now on, new connections are accepted, counted and reset: unlike those that `refuse` keeps from being made. */
  reset(): void {
    this.#welcome = 'reset';
  }

  /** Ends the silence for those that wait in it, and lets new ones through. */
  letThrough(): void {
    this.#welcome = 'pass';
    for (const pass of this.#held) {
      this.#held.delete(pass);
      pass();
    }
  }

  /** What is sent from now on, on connections that are open, is lost, and no client is told, not even of the server's end. */
  freeze(): void {
    for (const socket of this.#sockets) {
      this.#frozen.add(socket);
      socket.unpipe();
      socket.resume();
    }
  }

  /** A black hole: neither those that are connected nor those that try to be hear anything until `letThrough`. */
  drop(): void {
    this.freeze();
    this.hold();
  }

  /** Resets every connection; what those sent that wait in silence is lost with them. */
  cut(): void {
    this.#held.clear();
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  /** Loses the next message that matches, on whichever connection, and resets that one; resolves to the message. */
  async cutAt(matches: (message: ProtocolMessage) => boolean): Promise<ProtocolMessage> {
    return await new Promise((resolve) => {
      this.#cutAt = (message) => {
        if (!matches(message)) return false;
        this.#cutAt = undefined;
        resolve(message);
        return true;
      };
    });
  }

  async close(): Promise<void> {
    await this.refuse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connect(client: Socket, early: Buffer): void {
    const upstream = this.#keep(connect(this.#target));
    const reader = this.#isPostgres ? new ProtocolReader() : undefined;
    const isCut = (from: ProtocolMessage['from'], chunk: Buffer) => {
      const messages = reader?.read(from, chunk) ?? [];
      const isCut = messages.some((message) => this.#cutAt?.(message));
      if (isCut) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
      return isCut;
    };
    const latencyMs = () => this.latencyMs;
    const way = networkWay((chunk) => isCut('client', chunk), latencyMs);
    way.write(early);
    client.pipe(way).pipe(upstream);
    upstream.pipe(networkWay((chunk) => isCut('server', chunk), latencyMs)).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => this.#frozen.has(client) || client.destroy());
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    return socket;
  }
}
