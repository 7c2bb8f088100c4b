import { EventEmitter } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { PgBoss } from 'pg-boss';
import type { Test } from 'tap';
import { Consumer } from '../../src/queue/consumer.ts';
import type { JobEvents } from '../../src/queue/events.ts';
import type { JobDefinition } from '../../src/queue/job.ts';
import { partsOf } from '../../src/queue/options.ts';
import { Slots } from '../../src/queue/slots.ts';
import { Threads } from '../../src/queue/threads.ts';

/** Nothing keeps workers from fetching jobs. */
export const UNRESTRAINED = { paused: [], broken: [], limits: [] };

/** What a worker gives its consumers. There is no worker, so tests wake and restrain them. */
export async function consumerParts(t: Test, app: FastifyInstance, { concurrency = 1 } = {}) {
  const connection = app.config.databaseUrl ?? '';
  const quiet = { supervise: false, schedule: false, registerInstance: false, migrate: false };
  const boss = new PgBoss({ connectionString: connection, max: 1, ...quiet });
  t.teardown(() => boss.stop());
  await boss.start();
  const events: JobEvents = new EventEmitter();
  return {
    ...partsOf(app, { db: app.db, connection }),
    boss,
    events,
    worker: 'test:1',
    concurrency,
    slots: new Slots(concurrency),
    threads: new Threads(1, (error) => t.fail(error.message)),
    report: () => {},
  };
}

/** Starts a consumer. It stops before the app closes. */
export function startConsumer(
  t: Test,
  job: JobDefinition,
  parts: Awaited<ReturnType<typeof consumerParts>>,
): Consumer {
  const consumer = new Consumer(job, parts);
  t.teardown(() => consumer.stop(0));
  consumer.start();
  return consumer;
}
