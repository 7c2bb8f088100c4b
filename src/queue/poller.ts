import { sql } from 'kysely';
import type { Consumer } from './consumer.ts';
import type { Parts } from './options.ts';
import type { Db } from './tables.ts';

/** LISTEN announces new jobs at once. Polling finds retries and deferred jobs that come due. */
const POLL_MS = 1_000;

/** Wakes the consumers whose queues have due jobs, with one statement for all queues of a worker. */
export class Poller {
  readonly #deps: Pick<Parts, 'db' | 'logFailure'>;
  readonly #consumers: ReadonlyMap<string, Consumer>;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #hasPolled = false;

  constructor(deps: Pick<Parts, 'db' | 'logFailure'>, consumers: readonly Consumer[]) {
    this.#deps = deps;
    this.#consumers = new Map(consumers.map((consumer) => [consumer.job.contract.name, consumer]));
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined;
      });
    }, POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Whether it has polled since the last call. */
  takeHasPolled(): boolean {
    const hasPolled = this.#hasPolled;
    this.#hasPolled = false;
    return hasPolled;
  }

  async #poll(): Promise<void> {
    try {
      const queues = await queuesWithDueJobs(this.#deps.db, [...this.#consumers.keys()]);
      for (const queue of queues) this.#consumers.get(queue)?.wake();
      this.#hasPolled = true;
    } catch (error) {
      this.#deps.logFailure(error, {}, 'could not poll for jobs');
    }
  }
}

/** Finds which of these queues have jobs that are due. Costs the same for any number of jobs. */
export async function queuesWithDueJobs(db: Db, queues: readonly string[]): Promise<string[]> {
  // In the order of an index, because PostgreSQL would otherwise read all jobs if most are due.
  const earliest = (state: 'created' | 'retry') => sql`(
    select start_after from pgboss.job where job.name = queue.name and state = ${sql.lit(state)} and not blocked
    order by start_after limit 1
  )`;
  const { rows } = await sql<{ name: string }>`
    select name from unnest(${[...queues]}::text[]) as queue (name)
    where least(${earliest('created')}, ${earliest('retry')}) <= pgboss.job_now()
  `.execute(db);
  return rows.map(({ name }) => name);
}
