import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { readPulse } from '../queue/index.ts';
import { EventStreams, type Watcher } from './event-streams.ts';

declare module 'fastify' {
  interface FastifyInstance {
    jobStreams: JobStreams;
  }
}

/** How often to check for changes while somebody is watching. */
const POLL_MS = 2_000;

/** The longest time between two events, because the pulse misses some changes, such as the age of the oldest job. */
const MAX_SILENCE_MS = 10_000;

/** Provides `app.jobStreams`: server-sent events that tell open pages of the job dashboard about changes. */
export default fp(
  async (app) => {
    const streams = new JobStreams(app);
    app.decorate('jobStreams', streams);
    app.addHook('preClose', (done) => {
      streams.close();
      done();
    });
  },
  { name: 'job-streams', dependencies: ['db', 'queue', 'work'] },
);

/** The open streams of this process, which polls once for all of them. */
class JobStreams extends EventStreams {
  #pulse: string | undefined;
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(app: FastifyInstance) {
    super(app, 'changes of jobs');
  }

  /** Opens a stream. Returns undefined if there are too many or the app is closing. */
  open(watcher: Watcher): Readable | undefined {
    const stream = this.openStream(watcher);
    if (stream !== undefined) this.#schedule();
    return stream;
  }

  override close(): void {
    super.close();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.isClosed || this.watchers.size === 0) return;
    this.#timer ??= setTimeout(() => void this.#poll(), POLL_MS).unref();
  }

  async #poll(): Promise<void> {
    const pulse = await this.query(() => readPulse(this.app.db));
    const now = performance.now();
    if (pulse !== undefined && (pulse !== this.#pulse || now - this.#sentAt >= MAX_SILENCE_MS)) {
      this.#pulse = pulse;
      this.#sentAt = now;
      for (const stream of this.watchers.keys()) this.send(stream, {});
    }
    this.#timer = undefined;
    this.#schedule();
  }
}
