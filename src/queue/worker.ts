import { hostname } from 'node:os';
import type { FastifyInstance } from 'fastify';
import type { PgBoss } from 'pg-boss';
import { Consumer } from './consumer.ts';
import { addDurations, DurationCounter } from './durations.ts';
import type { JobEnd, JobEvents } from './events.ts';
import type { JobDefinition } from './job.ts';
import { beat, enterWorker, leaveWorker, PRESENCE_SECONDS } from './presence.ts';
import { Slots } from './slots.ts';
import { WORKERS_CHANNEL } from './wake.ts';

/** Works several queues with one set of slots, and reports its presence and jobs in the database. */
export class Worker {
  readonly #app: FastifyInstance;
  readonly #consumers: readonly Consumer[];
  readonly #id: number;
  readonly #durations = new DurationCounter();
  #presence: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #listening: { close(): Promise<void> } | undefined;

  private constructor(app: FastifyInstance, id: number, consumers: readonly Consumer[]) {
    this.#app = app;
    this.#id = id;
    this.#consumers = consumers;
  }

  /** Starts working. `concurrency` is the number of concurrent jobs, across all queues. */
  static async start(
    { app, boss, events }: { app: FastifyInstance; boss: PgBoss; events: JobEvents },
    { jobs, concurrency }: { jobs: readonly JobDefinition[]; concurrency: number },
  ): Promise<Worker> {
    const name = `${hostname()}:${process.pid}`;
    const slots = new Slots(concurrency);
    const consumers = jobs.map(
      (job) => new Consumer(job, { app, boss, events, worker: name, concurrency, slots }),
    );
    const queues = jobs.map(({ contract }) => contract.name);
    const worker = new Worker(app, await enterWorker(app.db, { name, queues, concurrency }), consumers);
    events.on('ended', worker.#count);
    await worker.#beat();
    for (const consumer of consumers) consumer.start();
    worker.#presence = setInterval(() => worker.#beat(), PRESENCE_SECONDS * 1000);
    await worker.#listen();
    return worker;
  }

  /** Stops cleanly, see `Consumer.stop`. Further calls wait for the same stop. */
  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    await this.#listening?.close();
    await Promise.all(this.#consumers.map((consumer) => consumer.stop(graceMs)));
    clearInterval(this.#presence);
    this.#app.queue.events.off('ended', this.#count);
    await this.#beat();
    await leaveWorker(this.#app.db, this.#id).catch((error) =>
      this.#app.log.error({ err: error }, 'could not record that the worker stopped'),
    );
  }

  /** Wakes a queue's consumer when a job is enqueued. Without it, polling finds the job a second later. */
  async #listen(): Promise<void> {
    const wake = (queue: string) => {
      for (const consumer of this.#consumers) if (consumer.job.contract.name === queue) consumer.wake();
    };
    const wakeAll = () => {
      for (const consumer of this.#consumers) consumer.wake();
    };
    try {
      this.#listening = await this.#app.notifications.listen(WORKERS_CHANNEL, {
        onMessage: wake,
        onGap: wakeAll,
      });
    } catch (error) {
      this.#app.log.warn({ err: error }, 'cannot listen for jobs, polling instead');
    }
  }

  #count = (end: JobEnd): void => this.#durations.add(end);

  async #beat(): Promise<void> {
    const hasPolled = this.#consumers.filter((consumer) => consumer.takeHasPolled()).length > 0;
    const running = this.#consumers.flatMap((consumer) => consumer.running());
    try {
      await addDurations(this.#app.db, this.#durations.take());
      const paused = await beat(this.#app.db, this.#id, { running, hasPolled });
      for (const consumer of this.#consumers) consumer.setPaused(paused.includes(consumer.job.contract.name));
    } catch (error) {
      this.#app.outages.logFailure(error, {}, 'could not report the worker’s presence');
    }
  }
}
