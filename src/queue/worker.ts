import { availableParallelism, hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { enableClockOverride, type PgBoss } from 'pg-boss';
import { endBatches } from './batch.ts';
import { Consumer } from './consumer.ts';
import type { QueueContract } from './contract.ts';
import { queuesWithDueJobs } from './due-queues.ts';
import { addDurations, DurationCounter } from './durations.ts';
import type { JobEnd, JobEvents } from './events.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Restraints } from './heartbeat-statements.ts';
import { HISTORY_SECONDS, recordHistory } from './history.ts';
import type { JobDefinition } from './job.ts';
import { loadRestraints } from './limits.ts';
import type { Parts } from './options.ts';
import { enterWorker, leaveWorker, PRESENCE_SECONDS } from './presence.ts';
import { Repeater } from './repeater.ts';
import { runDueSchedules, SCHEDULE_SECONDS } from './schedules.ts';
import { Slots } from './slots.ts';
import { Threads } from './threads.ts';
import { waitAtMost } from './wait-at-most.ts';
import { WORKERS_CHANNEL } from './wake.ts';

/** LISTEN announces new jobs at once. Polling finds retries and deferred jobs that come due. */
const POLL_SECONDS = 1;

/** How long to wait for the last writes. No job depends on them. */
const LAST_WRITES_MS = 1_000;

/** Threads for jobs that compute. With only one, short computations would wait for long ones. */
const THREADS = Math.max(2, availableParallelism());

/** The resolution of the event loop's delay, which measurements include. */
const LOOP_RESOLUTION_MS = 20;

interface Dependencies extends Parts {
  readonly boss: PgBoss;
  readonly events: JobEvents;
}

interface Options {
  readonly jobs: readonly JobDefinition[];
  /** Concurrent jobs, across all queues. */
  readonly concurrency: number;
}

/** Works several queues with one set of slots, and reports its presence and jobs to the database. */
export class Worker {
  readonly #deps: Dependencies;
  readonly #contracts: readonly QueueContract[];
  readonly #consumers: readonly Consumer[];
  readonly #id: number;
  readonly #threads: Threads;
  readonly #heartbeat: Heartbeat;
  readonly #durations = new DurationCounter();
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  #hasPolled = false;
  #repeaters: readonly Repeater[] = [];
  #stopping: Promise<void> | undefined;
  #listening: { close(): Promise<void> } | undefined;

  private constructor(
    deps: Dependencies,
    { jobs, concurrency }: Options,
    { id, name }: { id: number; name: string },
  ) {
    this.#deps = deps;
    this.#id = id;
    const slots = new Slots(concurrency);
    this.#contracts = jobs.map(({ contract }) => contract);
    const all = this.#contracts.map((contract) => contract.name);
    const threads = new Threads(THREADS, (err) =>
      deps.app.log.warn({ err }, 'an idle thread for jobs failed'),
    );
    this.#threads = threads;
    const report = () => this.#heartbeat.report();
    this.#consumers = jobs.map(
      (job) => new Consumer(job, { ...deps, worker: name, concurrency, slots, threads, report }),
    );
    this.#heartbeat = new Heartbeat(deps, {
      workerId: id,
      session: deps.clock === undefined ? [] : [enableClockOverride()],
      report: () => ({
        held: this.#consumers.flatMap((consumer) => consumer.held()),
        hasPolled: this.#hasPolled,
        loopDelayMs: Math.max(0, this.#loopDelay.max / 1e6 - LOOP_RESOLUTION_MS),
      }),
      onBeat: ({ lost, orders }) => {
        for (const consumer of this.#consumers) consumer.lose(lost);
        if (orders !== undefined) this.#restrain(orders.isDraining ? { ...orders, paused: all } : orders);
      },
    });
    this.#loopDelay.enable();
  }

  /** Starts working. */
  static async start(deps: Dependencies, options: Options): Promise<Worker> {
    const { db, version } = deps;
    const name = `${hostname()}:${process.pid}`;
    const queues = options.jobs.map(({ contract }) => contract.name);
    const restraints = await loadRestraints(db);
    const id = await enterWorker(db, {
      name,
      queues,
      concurrency: options.concurrency,
      version,
    });
    const worker = new Worker(deps, options, { id, name });
    worker.#restrain(restraints);
    deps.events.on('ended', worker.#count);
    for (const consumer of worker.#consumers) consumer.start();
    await worker.#listen();
    worker.#repeat();
    return worker;
  }

  /** Stops cleanly, see `Consumer.stop`. Further calls wait for the same stop. */
  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    const stopped = this.#consumers.map((consumer) => consumer.stop(graceMs));
    await Promise.all([this.#listening?.close(), ...stopped]);
    const repeaters = this.#repeaters.map((repeater) => repeater.stop());
    this.#loopDelay.disable();
    this.#deps.events.off('ended', this.#count);
    await Promise.all([this.#threads.close(), this.#heartbeat.stop()]);
    const left = leaveWorker(this.#deps.db, this.#id).catch(
      this.#onFailure('record that the worker stopped'),
    );
    const durations = this.#writeDurations().catch(this.#onFailure('write the durations of jobs'));
    await waitAtMost(LAST_WRITES_MS, Promise.all([...repeaters, durations, left]));
  }

  /** Wakes a queue's consumer when a job is enqueued. Without it, polling finds the job a second later. */
  async #listen(): Promise<void> {
    const wake = (queue: string) => {
      for (const consumer of this.#consumers) if (consumer.job.contract.name === queue) consumer.wake();
    };
    const wakeAll = () => {
      for (const consumer of this.#consumers) consumer.wake();
    };
    this.#listening = await this.#deps.channels.listen(WORKERS_CHANNEL, { onMessage: wake, onGap: wakeAll });
  }

  #count = (end: JobEnd): void => this.#durations.add(end);

  #restrain(restraints: Restraints): void {
    for (const consumer of this.#consumers) consumer.restrain(restraints);
  }

  /** Starts what a worker does regularly. */
  #repeat(): void {
    const { app, db, notify } = this.#deps;
    const every = (seconds: number, what: string, work: () => Promise<unknown>) =>
      new Repeater(work, { everyMs: seconds * 1000, onFailure: this.#onFailure(what) });
    const schedules = every(SCHEDULE_SECONDS, 'look for schedules that are due', () =>
      runDueSchedules({ ...this.#deps, queue: app.queue }, this.#contracts),
    );
    this.#repeaters = [
      schedules,
      every(POLL_SECONDS, 'poll for jobs', () => this.#poll()),
      every(PRESENCE_SECONDS, 'report what the worker does', async () => this.#report()),
      every(PRESENCE_SECONDS, 'write the durations of jobs', () => this.#writeDurations()),
      every(PRESENCE_SECONDS, 'end batches of jobs', () => endBatches(db, notify)),
      every(HISTORY_SECONDS, 'record the history of jobs', () => recordHistory(db)),
    ];
    schedules.runNow();
  }

  #onFailure(what: string): (error: unknown) => void {
    return (error) => this.#deps.logFailure(error, {}, `could not ${what}`);
  }

  /** Wakes the consumers whose queues have due jobs, with one statement for all of them. */
  async #poll(): Promise<void> {
    const names = this.#contracts.map(({ name }) => name);
    const due = new Set(await queuesWithDueJobs(this.#deps.db, names));
    for (const consumer of this.#consumers) if (due.has(consumer.job.contract.name)) consumer.wake();
    this.#hasPolled = true;
  }

  #report(): void {
    this.#heartbeat.report();
    this.#hasPolled = false;
    this.#loopDelay.reset();
  }

  #writeDurations(): Promise<void> {
    return addDurations(this.#deps.db, this.#durations.take());
  }
}
