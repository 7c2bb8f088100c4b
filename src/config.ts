import { resolve } from 'node:path';
import type { Deadlines } from './database/connection.ts';
import {
  ADDRESS,
  CONTACT,
  ONE_LINE,
  RETURN_PATH,
  SELECTOR,
  SENDER,
  TOKEN,
  WEBHOOK,
} from './environment-patterns.ts';
import { EnvironmentReader, type VariableRule } from './environment-reader.ts';
import { ConfigError } from './errors.ts';
import { API_RATE_LIMIT, CODE_FROM_ANYWHERE, LOGIN_FROM_ANYWHERE } from './limits.ts';

/** The whole configuration. Frozen; passed as a parameter, never imported. */
export type Config = Readonly<ReturnType<typeof readVariables> & ReturnType<typeof constants>>;

/**
 * Reads and validates the whole environment, and reports all mistakes at once.
 *
 * @param env defaults to the process's environment and `.env`
 * @param required variables without a default that this command needs, such as `DATABASE_URL` for the web process
 * @throws ConfigError with one line per invalid or missing variable
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>> = readEnvironment(),
  { required = [] }: { required?: readonly string[] } = {},
): Config {
  const reader = new EnvironmentReader(env);
  const variables = readVariables(reader);
  for (const name of required) reader.require(name);
  if (variables.databaseDirectUrl !== undefined) reader.require('DATABASE_URL');
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  const config = { ...variables, ...constants() };
  for (const value of Object.values(config)) Object.freeze(value);
  return Object.freeze(config);
}

/** The rules of all variables, for the reference. */
export function describeVariables(): ReadonlyMap<string, VariableRule> {
  const reader = new EnvironmentReader({});
  readVariables(reader);
  return reader.rules;
}

/** The process's environment, with the variables that `.env` adds. */
function readEnvironment(): NodeJS.ProcessEnv {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return process.env;
}

/**
 * Most statements take a few milliseconds, and a reader should not wait more than two seconds for an error. A change may take
 * longer, because its text is rendered or its password hashed first. PostgreSQL's own timeouts are the shorter ones, because
 * ours cost the connection.
 */
const DEADLINES: Deadlines = Object.freeze({
  connectMs: 1_500,
  lockMs: 1_000,
  statementMs: 5_000,
  answerMs: 6_000, // The statement's, and a second for the network.
  idleInTransactionMs: 3_000, // Whoever waits for its locks has failed once by then, but not twice.
  readMs: 1_800,
  requestMs: 3_000,
});

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Every variable, with its meaning, default and accepted values. */
function readVariables(env: EnvironmentReader) {
  /** The port on which the web process listens. */
  const port = env.integer('PORT', 3000, { min: 0, max: 65_535 });
  return {
    ...readDatabaseVariables(env),
    /** The folder for the embedded database and the local mailbox. */
    dataDir: resolve(env.text('DATA_DIR', './data', 'a path')),
    /** The address on which the web process listens; `0.0.0.0` for all addresses of the machine. */
    host: env.text('HOST', '127.0.0.1', 'an address of this machine'),
    port,
    /** The site's URL, as in `https://blog.example`. If unset, `http://localhost` with the port. With https, cookies are Secure. */
    baseUrl: env.origin('BASE_URL') ?? `http://localhost:${port}`,
    /**
     * Proxies whose `X-Forwarded-*` headers are trusted. With `true`, anyone who can reach the process can claim any address.
     */
    trustProxy: env.trustProxy('TRUST_PROXY'),
    ...readMailVariables(env),
    /** The account that confirms this address, as in `you@example.com`, becomes Administrator. Errors are reported to it. */
    adminEmail: env.matching('ADMIN_EMAIL', undefined, ADDRESS),
    /** Errors are also posted here as JSON, as in `https://example.com/alerts`, in case mail is what failed. */
    alertWebhookUrl: env.matching('ALERT_WEBHOOK_URL', undefined, WEBHOOK),
    /** Where to report vulnerabilities, as in `mailto:security@example.com`, for `/.well-known/security.txt`. */
    securityContact: env.matching('SECURITY_CONTACT', undefined, CONTACT),
    /** Megabytes of images for posts that the database stores per person; 0 turns uploads off. */
    imageQuotaMb: env.integer('IMAGE_QUOTA_MB', 200, { min: 0, max: 100_000 }),
    /** Posts on a page of a list. */
    postsPerPage: env.integer('POSTS_PER_PAGE', 20, { min: 1, max: 200 }),
    /** People on a page of a list. */
    followersPerPage: env.integer('FOLLOWERS_PER_PAGE', 50, { min: 1, max: 200 }),
    /** Comments on a page. */
    commentsPerPage: env.integer('COMMENTS_PER_PAGE', 30, { min: 1, max: 200 }),
    /** Origins whose pages may call the API from a browser. If unset, only the site's own. */
    corsOrigins: env.origins('CORS_ORIGINS'),
    /** Whether rate limits apply. Turn them off for load tests. */
    rateLimitsEnabled: env.oneOf('RATE_LIMITS', 'on', ['on', 'off']) === 'on',
    /**
     * Overrides how often an account may do something in a minute, an hour or a day. An IP address may do ten times as much, and a
     * new account a tenth on its first day. The defaults are in `src/limits.ts`.
     */
    rateLimits: env.limits('ACCOUNT_LIMITS'),
    /** The time zone for the weekly digest and other mails sent at a certain time of day. `npm run migrate` applies it. */
    siteTimeZone: env.timeZone('SITE_TIME_ZONE'),
    /** Concurrent jobs per worker process. */
    workerConcurrency: env.integer('WORKER_CONCURRENCY', 10, { min: 1, max: 1000 }),
    /** How long a web process that is told to stop keeps serving while `/health/ready` responds with 503, for load balancers. */
    shutdownDrainSeconds: env.integer('SHUTDOWN_DRAIN_SECONDS', 0, { min: 0, max: 600 }),
    /** How long a process then waits for its requests and jobs to end. */
    shutdownGraceSeconds: env.integer('SHUTDOWN_GRACE_SECONDS', 25, { min: 1, max: 3600 }),
    /** The bearer token that `/metrics` and `/health` require. If unset, they only respond to this machine. */
    metricsToken: env.matching('METRICS_TOKEN', undefined, TOKEN),
    /** Where to export OpenTelemetry traces, as in `http://localhost:4318`. If unset, none are recorded. */
    otlpEndpoint: env.url('OTEL_EXPORTER_OTLP_ENDPOINT', ['http:', 'https:']),
    /** The least severe messages to log: JSON lines, or readable text on a terminal. */
    logLevel: env.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
  };
}

function readDatabaseVariables(env: EnvironmentReader) {
  return {
    /**
     * The primary database, PostgreSQL 15 or newer, as in `postgres://user:password@host:5432/pennypost`. If unset, `npm start`
     * and the commands use an embedded one in `DATA_DIR`. With several hosts, as in `host1,host2:5433`, connections go to the
     * current primary, also after a failover.
     */
    databaseUrl: env.databaseUrl('DATABASE_URL'),
    /**
     * The primary without a pooler, for LISTEN, locks and migrations. Set it if `DATABASE_URL` and `DATABASE_REPLICA_URL` go
     * through a pooler in transaction mode, such as PgBouncer.
     */
    databaseDirectUrl: env.databaseUrl('DATABASE_DIRECT_URL'),
    /** A read-only replica for visitors' pages, which may then be slightly stale. If unset, they are read from the primary. */
    databaseReplicaUrl: env.databaseUrl('DATABASE_REPLICA_URL'),
    /** Connections per process, including the queue's. To a replica, a web process opens as many more as it has for requests. */
    databasePoolMax: env.integer('DATABASE_POOL_MAX', 10, { min: 6, max: 1000 }),
    /** Queries that take longer than this, in milliseconds, are logged. */
    slowQueryMs: env.integer('SLOW_QUERY_MS', 500, { min: 0, max: 600_000 }),
  };
}

function readMailVariables(env: EnvironmentReader) {
  return {
    /** The mail server, as in `smtp://user:password@host:587`. If unset, email goes to a local mailbox at `/dev/mailbox`. */
    smtpUrl: env.url('SMTP_URL', ['smtp:', 'smtps:']),
    /** The sender. Without a display name, the site's name is used. */
    mailFrom: env.matching('MAIL_FROM', 'no-reply@localhost', SENDER),
    /**
     * The file with the key that signs mails (DKIM) for the domain of `MAIL_FROM`, as in `/etc/pennypost/dkim.pem`. If unset, the
     * mail server has to sign them.
     */
    dkimPrivateKey: env.privateKey('DKIM_PRIVATE_KEY_FILE'),
    /** Where the domain publishes the public key: `DKIM_SELECTOR._domainkey.example.com`. */
    dkimSelector: env.matching('DKIM_SELECTOR', 'pennypost', SELECTOR),
    /**
     * Where bounces go, each to its own address: `bounces+KEY@example.com`. That mailbox has to forward them to this site; see
     * `docs/operations.md`. If unset, they go to `MAIL_FROM`.
     */
    mailReturnPath: env.matching('MAIL_RETURN_PATH', undefined, RETURN_PATH),
    /** The prefix of every subject, as in `[My site]`. If unset, the site's name in brackets. */
    mailSubjectPrefix: env.matching('MAIL_SUBJECT_PREFIX', undefined, ONE_LINE),
  };
}

/** The part of the configuration that only tests change. */
function constants() {
  return {
    loginFromAnywhere: LOGIN_FROM_ANYWHERE,
    codeFromAnywhere: CODE_FROM_ANYWHERE,
    apiRateLimit: API_RATE_LIMIT,
    deadlines: DEADLINES,
    /** The cache of pages for visitors without a session. */
    pageCache: {
      /** How late visitors may see another process's change; 0 turns the cache off. */
      maxAgeMs: 2_000,
      /** How old a page may be while the database is unavailable, when an old page is better than none. */
      maxStaleMs: 5 * 60_000,
      maxBytes: 16 * 2 ** 20,
    },
    /** argon2id's parameters, as recommended by OWASP's Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1. */
    passwordHashing: { memoryKiB: 19 * 1024, passes: 2 },
    /** How long a text may take to render. */
    renderTimeoutMs: 2_000,
    /** How long an uploaded picture may take to decode. */
    pictureTimeoutMs: 20_000,
    /** Client connections. Further ones are closed at once, to leave file descriptors for everything else. */
    maxConnections: 10_000,
    /** Event streams of each kind per process. Further pages keep showing what they were loaded with. */
    maxEventStreams: 1_000,
    /** How long a connection may be idle, even while the client has not read the response. */
    connectionTimeoutMs: 30_000,
    /** How long a client may take to send a request's headers, and the whole request. */
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    /** The mean delay of the event loop above which requests are refused; 0 to never refuse. */
    maxEventLoopDelayMs: 1_000,
  };
}
