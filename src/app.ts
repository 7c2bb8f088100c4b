import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import Fastify, { type FastifyBaseLogger, type FastifyHttpOptions, type FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { loggerOptions, RequestLog } from './logger.ts';
import alarms from './plugins/alarms.ts';
import assets from './plugins/assets.ts';
import channels from './plugins/channels.ts';
import clientAddress from './plugins/client-address.ts';
import comparison from './plugins/comparison.ts';
import compression from './plugins/compression.ts';
import conditionalGet from './plugins/conditional-get.ts';
import db from './plugins/db.ts';
import drain from './plugins/drain.ts';
import errors, { answerBadUrl, answerClientError } from './plugins/errors.ts';
import jobStreams from './plugins/job-streams.ts';
import mailLedger from './plugins/mail-ledger.ts';
import mailOutage from './plugins/mail-outage.ts';
import mailer from './plugins/mailer.ts';
import markdown from './plugins/markdown.ts';
import metrics from './plugins/metrics.ts';
import openapi from './plugins/openapi.ts';
import overload from './plugins/overload.ts';
import pageCache from './plugins/page-cache.ts';
import passwords from './plugins/passwords.ts';
import queue from './plugins/queue.ts';
import rateLimits from './plugins/rate-limits.ts';
import securityEvents from './plugins/security-events.ts';
import securityHeaders from './plugins/security-headers.ts';
import site from './plugins/site.ts';
import tracing from './plugins/tracing.ts';
import unreadStreams from './plugins/unread-streams.ts';
import uploads from './plugins/uploads.ts';
import views from './plugins/views.ts';
import work from './plugins/work.ts';
import type { Clock, Threads } from './queue/index.ts';
import administration from './routes/admin/index.ts';
import api from './routes/api/index.ts';
import assetFiles from './routes/assets.ts';
import bounces from './routes/bounces.ts';
import dev from './routes/dev/index.ts';
import health from './routes/health.ts';
import metricsRoute from './routes/metrics.ts';
import web from './routes/web/index.ts';

declare module 'fastify' {
  interface FastifyInstance {
    config: Config;
    role: Role;
  }
}

/** What a process does with the tree: serve HTTP, work the queues, both, or run a command. */
export type Role = 'web' | 'worker' | 'web-and-worker' | 'command';

export interface Overrides {
  /** Defaults to `web`. */
  role?: Role;
  /** Replaces the logger made from the configuration. */
  logger?: FastifyBaseLogger;
  /** Replaces the queue's clock, for tests about time. */
  clock?: Clock;
  /** Replaces the threads that render texts, for apps that share them. */
  renderingThreads?: Threads;
}

/**
 * Builds the whole application. `await app.ready()` connects it and `await app.close()` shuts it down. Apps share nothing,
 * so several can run in one process with different configurations.
 *
 * `ready()` throws StartupError if the database is unreachable or its schema is out of date.
 */
export function buildApp(
  config: Config,
  { role = 'web', logger, clock, renderingThreads }: Overrides = {},
): FastifyInstance {
  const output = role === 'command' ? process.stderr : process.stdout;
  const app: FastifyInstance = Fastify({
    ...(logger === undefined ? { logger: loggerOptions(config, output) } : { loggerInstance: logger }),
    logController: new RequestLog(),
    ...httpOptions(config),
  });
  app.server.maxConnections = config.maxConnections;
  app.decorate('config', config).decorate('role', role);

  // Infrastructure for jobs and pages. Closing runs in reverse, so the queue stops before the database closes.
  app.register(work);
  app.register(tracing);
  app.register(db, { clock });
  app.register(site);
  app.register(views);
  app.register(assets);
  app.register(mailer);
  app.register(mailLedger);
  app.register(channels);
  app.register(queue, { clock });
  app.register(alarms);
  app.register(mailOutage);
  app.register(metrics);
  app.register(passwords);
  app.register(markdown, { threads: renderingThreads });
  app.register(comparison);
  app.register(rateLimits);
  app.register(uploads);

  // HTTP.
  app.register(drain);
  app.register(unreadStreams);
  app.register(jobStreams);
  app.register(clientAddress);
  app.register(securityEvents);
  app.register(securityHeaders);
  app.register(errors);
  app.register(overload);
  app.register(openapi);
  app.register(conditionalGet);
  app.register(compression);
  app.register(pageCache);

  registerRoutes(app);
  return app;
}

function registerRoutes(app: FastifyInstance): void {
  app.register(assetFiles);
  app.register(health);
  app.register(metricsRoute);
  app.register(bounces);
  app.register(api, { prefix: '/api/v1' });
  app.register(web);
  app.register(administration, { prefix: '/admin' });
  app.register(dev, { prefix: '/dev' });
}

/** How requests are read, and how long clients may take. */
function httpOptions(config: Config) {
  return {
    trustProxy: config.trustProxy,
    genReqId: () => randomUUID(),
    bodyLimit: 1024 * 1024,
    requestTimeout: config.requestTimeoutMs,
    connectionTimeout: config.connectionTimeoutMs,
    // Node looks for slow requests every 30 seconds unless told otherwise.
    http: {
      headersTimeout: config.headersTimeoutMs,
      connectionsCheckingInterval: 500,
      // The errors plugin refuses requests without a Host.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerBadUrl,
    clientErrorHandler: answerClientError,
  } satisfies FastifyHttpOptions<Server>;
}
