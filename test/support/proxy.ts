import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';

/** A connection through the proxy. A silent one stays open, and its bytes vanish. */
interface Line {
  readonly sockets: readonly Socket[];
  isSilent: boolean;
}

/**
 * A TCP proxy in front of the test database, which breaks the network between it and an application on command. Connect to
 * `url`. It closes with the test.
 */
export class FaultyProxy {
  readonly #target: URL;
  readonly #lines = new Set<Line>();
  readonly #server: Server;
  #port = 0;
  #isBlackHole = false;
  /** Delays every packet, in both directions. */
  latencyMs = 0;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#forward(socket));
  }

  static async open(t: Test, targetUrl: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(targetUrl));
    await proxy.accept();
    t.teardown(() => proxy.refuse());
    return proxy;
  }

  /** The database's URL through the proxy. */
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

  /** Lets new connections through again. Silent ones stay silent. */
  heal(): void {
    this.#isBlackHole = false;
    this.latencyMs = 0;
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
    let last = Promise.resolve();
    from.on('data', (bytes) => {
      const delay = this.latencyMs > 0 ? sleep(this.latencyMs, undefined, { ref: false }) : undefined;
      last = last
        .then(() => delay)
        .then(() => {
          if (!line.isSilent && to.writable) to.write(bytes);
        });
    });
    from.on('end', () => {
      last = last.then(() => {
        if (!line.isSilent) to.end();
      });
    });
  }
}
