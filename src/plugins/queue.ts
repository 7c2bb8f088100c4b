import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import pLimit from 'p-limit';
import { fromKysely, type JobResult, type JobWithMetadata, PgBoss } from 'pg-boss';
import { PermanentFailure, StartupError } from '../errors.ts';
import { deadLetterName, type Queue, type QueueContract } from '../queues.ts';
import { QUEUE_CONNECTIONS } from './db.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Enqueues jobs and, in a worker, works them. Lives in the application's own database. */
    queue: BossQueue;
  }
}

/** A job: which queue it is for, and what to do with the app and one payload. */
export interface JobDefinition {
  readonly contract: QueueContract;
  /** Throws to have the job tried again, or PermanentFailure to give it up to the dead letter queue. */
  run(app: FastifyInstance, payload: unknown, context: JobContext): Promise<void>;
}

export interface JobContext {
  readonly id: string;
  /** 1 at the first try. */
  readonly attempt: number;
}

/** Binds a handler to its contract: it gets only payloads that fit, and any other is given up at once. */
export function defineJob<Payload extends object>(
  contract: QueueContract<Payload>,
  handle: (app: FastifyInstance, payload: Payload, context: JobContext) => Promise<void>,
): JobDefinition {
  return {
    contract,
    async run(app, payload, context) {
      if (!contract.isPayload(payload)) {
        throw new PermanentFailure(`The payload does not fit its contract: ${contract.faultOf(payload)}`);
      }
      await handle(app, payload, context);
    },
  };
}

/**
 * A worker that was killed says nothing: its jobs run again when they have shown no heartbeat for this long and
 * the next supervision, of which there is one in SUPERVISE_SECONDS, has noticed. 10 is the least pg-boss accepts.
 */
const HEARTBEAT_SECONDS = 10;
const SUPERVISE_SECONDS = 5;

/** How often a worker says that it is there; three times without a word, and `--check` takes it for dead. */
const PRESENCE_SECONDS = 2;

/** With LISTEN a new job is seen at once; polling is for retries coming due, which PostgreSQL does not announce. */
const POLL_SECONDS = 1;

/** `app.queue`: pg-boss, typed by the contracts. Only a worker supervises and listens; no process migrates. */
export default fp(
  async (app) => {
    const boss = createBoss(app);
    app.decorate('queue', new BossQueue(app, boss));
    app.addHook('onClose', () =>
      boss.stop({ graceful: true, timeout: app.config.shutdownGraceSeconds * 1000, close: true }),
    );
    try {
      await boss.start();
    } catch (error) {
      if (!(error instanceof Error) || !/requires migrations|not installed/.test(error.message)) throw error;
      throw new StartupError(2, `The queue's schema is old (${error.message}). Run: npm run migrate`, {
        cause: error,
      });
    }
  },
  { name: 'queue', dependencies: ['db'] },
);

function createBoss(app: FastifyInstance): PgBoss {
  const isWorker = app.role === 'worker';
  const boss = new PgBoss({
    connectionString: app.config.databaseUrl ?? '',
    max: QUEUE_CONNECTIONS,
    application_name: `pennypost ${app.role} queue`,
    migrate: false,
    supervise: isWorker,
    schedule: isWorker,
    useListenNotify: isWorker,
    registerInstance: isWorker,
    instanceHeartbeatSeconds: PRESENCE_SECONDS,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
  });
  // Without a listener, a passing failure of the background work would end the process.
  boss.on('error', (error) => app.log.error({ err: error }, 'the queue had an error'));
  boss.on('warning', (warning) => app.log.warn({ warning }, 'the queue has a warning'));
  return boss;
}

/** The queue as the application uses it. */
export class BossQueue implements Queue {
  readonly #app: FastifyInstance;
  readonly #boss: PgBoss;

  constructor(app: FastifyInstance, boss: PgBoss) {
    this.#app = app;
    this.#boss = boss;
  }

  send: Queue['send'] = async (contract, payload, { db }) => {
    const fault = contract.faultOf(payload);
    if (fault !== undefined) throw new TypeError(`${contract.name} job: ${fault}`);
    const id = await this.#boss.send(contract.name, payload, { db: fromKysely(db) });
    if (id === null) throw new Error(`${contract.name} job: the queue took it for a duplicate`);
    return id;
  };

  /**
   * Does up to `concurrency` jobs of a queue at a time until the app closes, or until `stopWorking`.
   *
   * Jobs are fetched in batches, of at least two, because pg-boss waits for its next poll after a batch of one; each
   * is settled for itself. With two fetchers, a slow job holds up half of the slots at most.
   */
  async work(job: JobDefinition, { concurrency }: { concurrency: number }): Promise<void> {
    const fetchers = concurrency < 4 ? 1 : 2;
    const slots = Math.ceil(concurrency / fetchers);
    await this.#boss.work(
      job.contract.name,
      {
        perJobResults: true,
        includeMetadata: true,
        localConcurrency: fetchers,
        batchSize: Math.max(2, slots),
        burstWhenBatchFull: true,
        pollingIntervalSeconds: POLL_SECONDS,
        notifyPollingIntervalSeconds: POLL_SECONDS,
      },
      (batch: JobWithMetadata<unknown>[]) => pLimit(slots).map(batch, (each) => this.#runJob(job, each)),
    );
  }

  /** Fetches no more jobs of this queue and waits for those in hand. */
  async stopWorking(job: JobDefinition): Promise<void> {
    await this.#boss.offWork(job.contract.name, { wait: true });
  }

  /** Whether a worker process, here or elsewhere, has lately been heard from, and fetches or works jobs. */
  async hasLiveWorker(): Promise<boolean> {
    const instances = await this.#boss.getInstances();
    return instances.some(
      ({ live, workers, heartbeatOn }) => live && workers.some(isConsumingAt(heartbeatOn)),
    );
  }

  /** Runs one job to its end; whatever happens is the job's result, logged here and stored by the queue. */
  async #runJob(job: JobDefinition, { id, data, retryCount }: JobWithMetadata<unknown>): Promise<JobResult> {
    const attempt = retryCount + 1;
    const log = this.#app.log.child({ queue: job.contract.name, jobId: id, attempt });
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    try {
      const work = `job ${job.contract.name}`;
      await this.#app.work.run(work, () => job.run(this.#app, data, { id, attempt }));
      log.info({ durationMs: durationMs() }, 'job completed');
      return { id, status: 'completed' };
    } catch (error) {
      const isPermanent = error instanceof PermanentFailure;
      log.error(
        { err: error, durationMs: durationMs() },
        isPermanent ? `job failed for good, kept in ${deadLetterName(job.contract)}` : 'job failed',
      );
      const message = error instanceof Error ? error.message : String(error);
      return { id, status: isPermanent ? 'deadletter' : 'failed', output: { message } };
    }
  }
}

/** A process can be alive while its fetching is stuck: it fetches every second, so a minute without is too long. */
function isConsumingAt(heartbeatOn: Date) {
  return ({ active, lastFetchedOn }: { active: number; lastFetchedOn: string | null }): boolean =>
    active > 0 || (lastFetchedOn !== null && heartbeatOn.getTime() - Date.parse(lastFetchedOn) < 60_000);
}

/**
 * Creates the queues that are missing and brings the settings of the others to their contract. For `npm run migrate`.
 */
export async function synchroniseQueues(boss: PgBoss, contracts: readonly QueueContract[]): Promise<void> {
  const existing = new Set((await boss.getQueues()).map(({ name }) => name));
  for (const contract of contracts) {
    const deadLetter = deadLetterName(contract);
    if (!existing.has(deadLetter)) await boss.createQueue(deadLetter);
    const settings = {
      deadLetter,
      notify: true,
      retryLimit: contract.retry.limit,
      retryDelay: contract.retry.delaySeconds,
      retryDelayMax: contract.retry.maxDelaySeconds,
      retryBackoff: true,
      expireInSeconds: contract.timeoutSeconds,
      heartbeatSeconds: HEARTBEAT_SECONDS,
    };
    if (existing.has(contract.name)) await boss.updateQueue(contract.name, settings);
    else await boss.createQueue(contract.name, settings);
  }
}
