import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { NOTIFICATIONS_CHANNEL } from '../domain/notifications/announce.ts';
import { countUnread, describeUnread } from '../domain/notifications/unread.ts';
import { findValidSessions } from '../domain/sessions/find.ts';
import { shortWork } from './work.ts';

declare module 'fastify' {
  interface FastifyInstance {
    unreadStreams: UnreadStreams;
  }
  interface FastifyContextConfig {
    /** Whether its responses last as long as the client likes, so that their durations say nothing. */
    readonly isEndless?: boolean;
  }
}

/** Streams per person: their windows that are visible at the same time. */
const MOST_PER_PERSON = 5;

/** How often a comment is sent, so that proxies do not close a quiet stream, and ended sessions are looked for. */
const HEARTBEAT_MS = 25_000;

/** How long a change waits for others, so that a burst costs one query. */
const COLLECTING_MS = 250;

/** When browsers reconnect after a stream has broken. Random, so that they do not all reconnect at once after a restart. */
const RECONNECT_MS = { min: 3_000, max: 10_000 };

const LABEL = 'unread notifications';

interface Watcher {
  readonly userId: number;
  /** The hash of the session's token. */
  readonly session: Buffer;
}

/** Provides `app.unreadStreams`: server-sent events with people's counts of unread notifications. */
export default fp(
  async (app) => {
    const streams = new UnreadStreams(app);
    app.decorate('unreadStreams', streams);
    app.addHook('preClose', (done) => {
      streams.close();
      done();
    });
    app.addHook('onClose', () => streams.stopListening());
  },
  { name: 'unread-streams', dependencies: ['channels', 'db', 'work'] },
);

/** The open streams of this process. All of them together hold one database connection, to listen. */
class UnreadStreams {
  readonly #app: FastifyInstance;
  /** Oldest first. */
  readonly #watchers = new Map<PassThrough, Watcher>();
  /** People whose counts have changed. */
  readonly #changed = new Set<number>();
  #isCounting = false;
  #isClosed = false;
  #listening: Promise<{ close(): Promise<void> } | undefined> | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(app: FastifyInstance) {
    this.#app = app;
  }

  /**
   * Opens a stream, which begins with the person's count. It ends soon after their session.
   *
   * @returns undefined if there are too many, or the app closes
   */
  open(watcher: Watcher, unread: number): Readable | undefined {
    if (this.#isClosed || this.#watchers.size >= this.#app.config.maxUnreadStreams) return undefined;
    this.#makeRoom(watcher.userId);
    const stream = new PassThrough();
    this.#watchers.set(stream, watcher);
    stream.once('close', () => this.#watchers.delete(stream));
    const { min, max } = RECONNECT_MS;
    stream.write(`retry: ${Math.round(min + Math.random() * (max - min))}\n`);
    send(stream, unread);
    this.#listening ??= this.#listen();
    this.#heartbeat ??= setInterval(() => void this.beat(), HEARTBEAT_MS).unref();
    return stream;
  }

  /** Ends all streams and opens no more. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#heartbeat);
    for (const stream of this.#watchers.keys()) stream.end();
  }

  /** Keeps streams open, and ends those whose sessions have ended. Runs every 25 seconds. */
  async beat(): Promise<void> {
    for (const stream of this.#watchers.keys()) write(stream, ':\n\n');
    const sessions = [...this.#watchers.values()].map(({ session }) => session);
    if (sessions.length === 0) return;
    const valid = await this.#query(() => findValidSessions(this.#app.db, sessions));
    if (valid === undefined) return;
    for (const [stream, { session }] of this.#watchers) if (!valid.has(session.toString('hex'))) stream.end();
  }

  async stopListening(): Promise<void> {
    await (await this.#listening)?.close();
  }

  /** The oldest stream of a person gives way to a new one, because it may be that of a browser which has lost its network. */
  #makeRoom(userId: number): void {
    const own = [...this.#watchers].filter(([, watcher]) => watcher.userId === userId);
    for (const [stream] of own.slice(0, Math.max(0, own.length + 1 - MOST_PER_PERSON))) {
      this.#watchers.delete(stream);
      stream.end('event: stop\ndata:\n\n');
    }
  }

  async #listen() {
    try {
      return await this.#app.channels.listen(NOTIFICATIONS_CHANNEL, {
        onMessage: (userId) => this.#change([Number(userId)]),
        onGap: () => this.#change([...this.#watchers.values()].map(({ userId }) => userId)),
      });
    } catch (error) {
      this.#app.outages.report(error);
      this.#listening = undefined; // The next stream tries it again.
      return undefined;
    }
  }

  #change(userIds: readonly number[]): void {
    const watched = new Set([...this.#watchers.values()].map(({ userId }) => userId));
    for (const userId of userIds) if (watched.has(userId)) this.#changed.add(userId);
    if (this.#changed.size === 0 || this.#isCounting) return;
    this.#isCounting = true;
    void this.#tellChanges().finally(() => {
      this.#isCounting = false;
    });
  }

  async #tellChanges(): Promise<void> {
    while (this.#changed.size > 0 && !this.#isClosed) {
      await sleep(COLLECTING_MS, undefined, { ref: false });
      const userIds = [...this.#changed];
      this.#changed.clear();
      const counts = await this.#query(() => countUnread(this.#app.db, userIds));
      for (const [stream, { userId }] of this.#watchers) {
        const unread = counts?.get(userId);
        if (unread !== undefined) send(stream, unread);
      }
    }
  }

  /** Runs a query that has the deadline of a page. Undefined if it fails. */
  async #query<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await this.#app.work.run(shortWork(this.#app, LABEL), run);
    } catch (error) {
      this.#app.outages.logFailure(error, {}, 'could not read unread notifications');
      return undefined;
    }
  }
}

function send(stream: PassThrough, unread: number): void {
  write(stream, `data: ${JSON.stringify(describeUnread(unread))}\n\n`);
}

/** Writes to a stream. Drops it if its client does not read, so that it does not hold memory. */
function write(stream: PassThrough, text: string): void {
  if (!stream.writableEnded && !stream.write(text)) stream.destroy();
}
