import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scope } from './scope.ts';

/** A connection through the proxy. A silent one stays open, and its bytes vanish. */
interface Line {
  /** The client's, and ours to the server. */
  readonly sockets: readonly [Socket, Socket];
  isSilent: boolean;
}

/**
 * A TCP proxy in front of a server, such as the test database, which breaks the network between it and an application on
 * command. Connect to `url`. It closes with the test.
 */
export class FaultyProxy {
  readonly #target: URL;
  readonly #lines = new Set<Line>();
  readonly #server: Server;
  #port = 0;
  #isBlackHole = false;
  /** Delays every packet, in both directions. */
  latencyMs = 0;
  /** Cuts what is sent into packets of so many bytes, each of which waits for the one before. */
  packetBytes = Number.POSITIVE_INFINITY;
  #held: PromiseWithResolvers<void> | undefined;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#forward(socket));
  }

  static async open(t: Scope, targetUrl: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(targetUrl));
    await proxy.accept();
    t.teardown(() => proxy.refuse());
    return proxy;
  }

  /** The server's URL through the proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = '127.0.0.1';
    url.port = String(this.#port);
    return url.href;
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#lines.size;
  }

  /** Silences all connections, as when the peer's machine is gone: nothing arrives, and no end is seen. New ones work. */
  silence(): void {
    for (const line of this.#lines) line.isSilent = true;
  }

  /** Silences all connections, and new ones until `heal`, as a firewall does that drops packets. */
  swallow(): void {
    this.silence();
    this.#isBlackHole = true;
  }

  /** Keeps what clients send until `heal`, as when the server's process is stopped. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  /** Lets everything through again, except for connections that are silent: those stay so. */
  heal(): void {
    this.#isBlackHole = false;
    this.latencyMs = 0;
    this.packetBytes = Number.POSITIVE_INFINITY;
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Resets all connections, as when the peer's process has crashed. */
  reset(): void {
    for (const { sockets } of this.#lines) for (const socket of sockets) socket.resetAndDestroy();
  }

  /** Resets all connections and refuses new ones until `accept`. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await closed;
  }

  /** Accepts connections, always on the same port. */
  async accept(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  #forward(client: Socket): void {
    const server = connect({
      allowHalfOpen: true,
      port: Number(this.#target.port || 5432),
      host: this.#target.hostname,
    });
    const line: Line = { sockets: [client, server], isSilent: this.#isBlackHole };
    this.#lines.add(line);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#pump(line, from, to);
      from.on('error', () => {}); // Reported by `close`.
      from.on('close', () => {
        if (line.isSilent && from === server) return; // The client must not notice.
        this.#lines.delete(line);
        to.destroy();
      });
    }
  }

  #pump(line: Line, from: Socket, to: Socket): void {
    from.setNoDelay(true);
    const isFromClient = from === line.sockets[0];
    let last = Promise.resolve();
    from.on('data', (bytes) => {
      const isCut = bytes.length > this.packetBytes;
      const delay = !isCut && this.latencyMs > 0 ? pause(this.latencyMs) : undefined;
      last = last
        .then(() => delay)
        .then(() => (isFromClient ? this.#held?.promise : undefined))
        .then(() => (isCut ? this.#trickle(line, to, bytes) : write(line, to, bytes)));
    });
    from.on('end', () => {
      last = last.then(() => {
        if (!line.isSilent) to.end();
      });
    });
  }

  async #trickle(line: Line, to: Socket, bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length; ) {
      const end = Math.min(bytes.length, start + this.packetBytes);
      await pause(this.latencyMs);
      write(line, to, bytes.subarray(start, end));
      start = end;
    }
  }
}

function write(line: Line, to: Socket, bytes: Buffer): void {
  if (!line.isSilent && to.writable) to.write(bytes);
}

function pause(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}
