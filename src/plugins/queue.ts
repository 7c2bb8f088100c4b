import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import manifest from '../../package.json' with { type: 'json' };
import { directUrl } from '../database/connection.ts';
import { connectionName } from '../database/migrator.ts';
import { notify } from '../database/notify.ts';
import type { ConnectionSettings } from '../database/queue-connection.ts';
import { StartupError } from '../errors.ts';
import { type Clock, type JobContextStore, OldSchema, type QueueOptions, queue } from '../queue/index.ts';

/** Provides `app.queue` and `app.queueAdmin`, in the application's own database. */
export default fp<{ clock?: Clock | undefined }>(
  async (app, { clock }) => {
    const { db, config, role, channels, outages } = app;
    const options: QueueOptions = {
      db,
      channels,
      notify,
      clock,
      connection: {
        module: import.meta.resolve('../database/queue-connection.ts'),
        settings: connectionSettings(app),
      },
      supervises: role === 'worker' || role === 'web-and-worker',
      graceSeconds: config.shutdownGraceSeconds,
      version: manifest.version,
      context: contextOf(app),
      logFailure: (...failure) => outages.logFailure(...failure),
    };
    try {
      await app.register(queue, options);
    } catch (error) {
      if (!(error instanceof OldSchema)) throw error;
      throw new StartupError(2, `${error.message}. Run: npm run migrate`);
    }
  },
  { name: 'queue', dependencies: ['db', 'channels', 'work', 'tracing'] },
);

function connectionSettings({ config, role }: FastifyInstance): ConnectionSettings {
  return {
    url: directUrl(config),
    deadlines: config.deadlines,
    names: {
      background: connectionName(role),
      heartbeat: 'pennypost heartbeat',
      listener: `pennypost ${role} listener`,
    },
  };
}

/** Passes the id and the trace of a request on to its jobs. */
function contextOf({ work, tracing }: FastifyInstance): JobContextStore {
  return {
    origin: () => ({ requestId: work.getStore()?.requestId, traceparent: tracing.traceparent() }),
    run({ queue, jobId, attempt, origin }, run) {
      const name = `job ${queue}`;
      const attributes = { 'job.id': jobId, 'job.attempt': attempt };
      const span = { name, kind: 'consumer', attributes, parent: origin.traceparent } as const;
      return work.run({ label: name, requestId: origin.requestId }, () => tracing.span(span, run));
    },
  };
}
