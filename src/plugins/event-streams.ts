import { PassThrough } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { findValidSessions } from '../domain/sessions/find.ts';
import { shortWork } from './work.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether its responses last as long as the client likes, so that their durations are not measured. */
    readonly isEndless?: boolean;
  }
}

/** The headers of a response with server-sent events. */
export const EVENT_STREAM_HEADERS = Object.freeze({
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'private, no-store, no-transform',
  'x-accel-buffering': 'no', // Makes nginx pass on each event at once.
  connection: 'close', // Otherwise the connection would stay open for a while when the app closes.
});

/** Streams per person, as each visible window has one. */
const MAX_PER_PERSON = 5;

/** How often a comment is sent, so that proxies keep quiet streams open, and sessions are checked. */
const HEARTBEAT_MS = 25_000;

/** The delay after which browsers reopen a broken stream. Random, so that they do not all reconnect at once after a restart. */
const RECONNECT_MS = { min: 3_000, max: 10_000 };

export interface Watcher {
  readonly userId: number;
  /** The hash of the session's token. */
  readonly session: Buffer;
}

/** Open streams of server-sent events of one kind. */
export class EventStreams {
  protected readonly app: FastifyInstance;
  /** The subject of the events, for the log. */
  readonly #label: string;
  /** The open streams, oldest first. */
  protected readonly watchers = new Map<PassThrough, Watcher>();
  protected isClosed = false;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(app: FastifyInstance, label: string) {
    this.app = app;
    this.#label = label;
  }

  /** Opens a stream that ends soon after its session. Returns undefined if there are too many or the app is closing. */
  protected openStream(watcher: Watcher): PassThrough | undefined {
    if (this.isClosed || this.watchers.size >= this.app.config.maxEventStreams) return undefined;
    this.#makeRoom(watcher.userId);
    const stream = new PassThrough();
    this.watchers.set(stream, watcher);
    stream.once('close', () => this.watchers.delete(stream));
    const { min, max } = RECONNECT_MS;
    stream.write(`retry: ${Math.round(min + Math.random() * (max - min))}\n`);
    this.#heartbeat ??= setInterval(() => void this.beat(), HEARTBEAT_MS).unref();
    return stream;
  }

  /** Sends an event with data as JSON. */
  protected send(stream: PassThrough, data: unknown): void {
    write(stream, `data: ${JSON.stringify(data)}\n\n`);
  }

  /** Ends all streams, and refuses new ones. */
  close(): void {
    this.isClosed = true;
    clearInterval(this.#heartbeat);
    for (const stream of this.watchers.keys()) stream.end();
  }

  /** Keeps streams open, and ends those whose sessions have ended. */
  async beat(): Promise<void> {
    for (const stream of this.watchers.keys()) write(stream, ':\n\n');
    const sessions = [...this.watchers.values()].map(({ session }) => session);
    if (sessions.length === 0) return;
    const valid = await this.query(() => findValidSessions(this.app.db, sessions));
    if (valid === undefined) return;
    for (const [stream, { session }] of this.watchers) if (!valid.has(session.toString('hex'))) stream.end();
  }

  /** Runs a query with the deadline of a page. Undefined if it fails, which is logged. */
  protected async query<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await this.app.work.run(shortWork(this.app, this.#label), run);
    } catch (error) {
      this.app.outages.logFailure(error, {}, `could not read ${this.#label}`);
      return undefined;
    }
  }

  /** Ends a person's oldest stream in favour of a new one, because its browser may have lost its network. */
  #makeRoom(userId: number): void {
    const own = [...this.watchers].filter(([, watcher]) => watcher.userId === userId);
    for (const [stream] of own.slice(0, Math.max(0, own.length + 1 - MAX_PER_PERSON))) {
      this.watchers.delete(stream);
      stream.end('event: stop\ndata:\n\n');
    }
  }
}

/** Writes to a stream, or destroys it if its client does not read, so that it does not fill memory. */
function write(stream: PassThrough, text: string): void {
  if (!stream.writableEnded && !stream.write(text)) stream.destroy();
}
