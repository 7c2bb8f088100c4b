import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { NOTIFICATIONS_CHANNEL } from '../domain/notifications/announce.ts';
import { countUnread, describeUnread } from '../domain/notifications/unread.ts';
import { EventStreams, type Watcher } from './event-streams.ts';

declare module 'fastify' {
  interface FastifyInstance {
    unreadStreams: UnreadStreams;
  }
}

/** How long changes are collected, so that a burst costs one query. */
const COLLECTING_MS = 250;

/** Provides `app.unreadStreams`: server-sent events with a person's count of unread notifications. */
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

/** The open streams of this process, which share one database connection for LISTEN. */
class UnreadStreams extends EventStreams {
  /** People whose counts have changed. */
  readonly #changed = new Set<number>();
  #isCounting = false;
  #listening: Promise<{ close(): Promise<void> }> | undefined;

  constructor(app: FastifyInstance) {
    super(app, 'unread notifications');
  }

  /**
   * Opens a stream that begins with the person's count and ends soon after their session.
   *
   * @returns undefined if there are too many or the app is closing
   */
  open(watcher: Watcher, unread: number): Readable | undefined {
    const stream = this.openStream(watcher);
    if (stream === undefined) return undefined;
    this.send(stream, describeUnread(unread));
    this.#listening ??= this.app.channels.listen(NOTIFICATIONS_CHANNEL, {
      onMessage: (userId) => this.#change([Number(userId)]),
      onGap: () => this.#change([...this.watchers.values()].map(({ userId }) => userId)),
    });
    return stream;
  }

  async stopListening(): Promise<void> {
    await (await this.#listening)?.close();
  }

  #change(userIds: readonly number[]): void {
    const watched = new Set([...this.watchers.values()].map(({ userId }) => userId));
    for (const userId of userIds) if (watched.has(userId)) this.#changed.add(userId);
    if (this.#changed.size === 0 || this.#isCounting) return;
    this.#isCounting = true;
    void this.#sendChanges().finally(() => {
      this.#isCounting = false;
    });
  }

  async #sendChanges(): Promise<void> {
    while (this.#changed.size > 0 && !this.isClosed) {
      await sleep(COLLECTING_MS, undefined, { ref: false });
      const userIds = [...this.#changed];
      this.#changed.clear();
      const counts = await this.query(() => countUnread(this.app.db, userIds));
      for (const [stream, { userId }] of this.watchers) {
        const unread = counts?.get(userId);
        if (unread !== undefined) this.send(stream, describeUnread(unread));
      }
    }
  }
}
