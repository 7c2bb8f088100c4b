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
import { API_RATE_LIMIT, CODE_FROM_ANYWHERE, LOGIN_FROM_ANYWHERE, type RateLimit } from './limits.ts';

/** The whole configuration. Frozen; passed as a parameter, never imported. */
export type Config = Readonly<ReturnType<typeof readVariables>> & {
  readonly loginFromAnywhere: RateLimit;
  readonly codeFromAnywhere: RateLimit;
  readonly apiRateLimit: RateLimit;
  /** The cache of pages for visitors without a session. An age of 0 turns it off. */
  readonly pageCache: {
    readonly maxAgeMs: number;
    /** How old a page may be while the database is unavailable. */
    readonly maxStaleMs: number;
    readonly maxBytes: number;
  };
  /** How long the database may take. */
  readonly deadlines: Deadlines;
  /** argon2id's parameters for password hashes. */
  readonly passwordHashing: { readonly memoryKiB: number; readonly passes: number };
  /** How long a text may take to render. */
  readonly renderTimeoutMs: number;
  /** How long an uploaded picture may take to decode. */
  readonly pictureTimeoutMs: number;
  /** Connections of clients. More are closed at once, so that some file descriptors are left for all else. */
  readonly maxConnections: number;
  /** Streams of unread notifications per process. Further pages show the count as it was when they were loaded. */
  readonly maxUnreadStreams: number;
  /** How long a connection may be idle, even while the client has not read the response. */
  readonly connectionTimeoutMs: number;
  /** How long a client may take to send a request's headers, and the whole request. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** The mean delay of the event loop above which requests are refused; 0 for none. */
  readonly maxEventLoopDelayMs: number;
};

/**
 * Reads and validates the whole environment, so that all mistakes are reported at once.
 *
 * @param env defaults to the process's environment and `.env`
 * @param required variables that this command needs and that have no default, e.g. `DATABASE_URL` for the web process
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
  return Object.freeze({
    ...variables,
    loginFromAnywhere: LOGIN_FROM_ANYWHERE,
    codeFromAnywhere: CODE_FROM_ANYWHERE,
    apiRateLimit: API_RATE_LIMIT,
    pageCache: PAGE_CACHE,
    deadlines: DEADLINES,
    passwordHashing: PASSWORD_HASHING,
    renderTimeoutMs: 2_000,
    pictureTimeoutMs: 20_000,
    maxConnections: 10_000,
    maxUnreadStreams: 1_000,
    connectionTimeoutMs: 30_000,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    maxEventLoopDelayMs: 1_000,
  });
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

/** The age is how late visitors may see a change made by another process; in an outage an old page is better than none. */
const PAGE_CACHE: Config['pageCache'] = Object.freeze({
  maxAgeMs: 2_000,
  maxStaleMs: 5 * 60_000,
  maxBytes: 16 * 2 ** 20,
});

/**
 * A reader should not wait longer than two seconds for a refusal, and most statements take a few milliseconds. A change may
 * take longer, because its text is rendered or its password hashed first. What PostgreSQL ends itself comes before what costs
 * the connection.
 */
const DEADLINES: Deadlines = Object.freeze({
  connectMs: 1_500,
  lockMs: 1_000,
  statementMs: 5_000,
  answerMs: 6_000, // A statement's, and a second for the way.
  idleInTransactionMs: 3_000, // Those who wait for its locks have failed once by then, but not twice.
  readMs: 1_800,
  requestMs: 3_000,
});

/** Recommended by OWASP's Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1. */
const PASSWORD_HASHING: Config['passwordHashing'] = Object.freeze({ memoryKiB: 19 * 1024, passes: 2 });

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Every variable, with its meaning, default and accepted values. */
function readVariables(env: EnvironmentReader) {
  /** The port on which the web process listens. */
  const port = env.integer('PORT', 3000, { min: 0, max: 65_535 });
  return {
    ...readDatabaseVariables(env),
    /** The folder of the embedded database and the local mailbox. */
    dataDir: resolve(env.text('DATA_DIR', './data', 'a path')),
    /** The address on which the web process listens; `0.0.0.0` for all of the machine's. */
    host: env.text('HOST', '127.0.0.1', 'an address of this machine'),
    port,
    /** The site's address, as in `https://blog.example`. If unset, `http://localhost` and the port. With https, cookies are Secure. */
    baseUrl: (env.url('BASE_URL', ['http:', 'https:']) ?? `http://localhost:${port}`).replace(/\/+$/, ''),
    /**
     * Proxies whose `X-Forwarded-*` headers are trusted. With `true`, anyone who can reach the process can claim any address.
     */
    trustProxy: env.trustProxy('TRUST_PROXY'),
    ...readMailVariables(env),
    /** The account that confirms this address, as in `you@example.com`, becomes Administrator. Errors are reported to it. */
    adminEmail: env.optionalMatching('ADMIN_EMAIL', ADDRESS),
    /** Errors are also posted here as JSON, as in `https://example.com/alerts`, in case mail is what failed. */
    alertWebhookUrl: env.optionalMatching('ALERT_WEBHOOK_URL', WEBHOOK),
    /** Where to report vulnerabilities, as in `mailto:security@example.com`, for `/.well-known/security.txt`. */
    securityContact: env.optionalMatching('SECURITY_CONTACT', CONTACT),
    /** Megabytes that each person's images for posts may take in the database; 0 turns uploads off. */
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
     * Overrides how often an account may do something in a minute, an hour or a day. An IP address may do ten times as much, an
     * account in its first day a tenth. The defaults are in `src/limits.ts`.
     */
    rateLimits: env.limits('ACCOUNT_LIMITS'),
    /** The time zone of the weekly digest and other mails that are sent at a time of day. `npm run migrate` applies it. */
    siteTimeZone: env.timeZone('SITE_TIME_ZONE'),
    /** Concurrent jobs per worker process. */
    workerConcurrency: env.integer('WORKER_CONCURRENCY', 10, { min: 1, max: 1000 }),
    /** How long a web process that is told to stop keeps serving while `/health/ready` is 503, for load balancers. */
    shutdownDrainSeconds: env.integer('SHUTDOWN_DRAIN_SECONDS', 0, { min: 0, max: 600 }),
    /** How long a process then waits for its requests and jobs. */
    shutdownGraceSeconds: env.integer('SHUTDOWN_GRACE_SECONDS', 25, { min: 1, max: 3600 }),
    /** The bearer token that `/metrics` and `/health` require. If unset, they only answer on this machine. */
    metricsToken: env.optionalMatching('METRICS_TOKEN', TOKEN),
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
     * and the commands use an embedded one in `DATA_DIR`. Of several hosts, as in `host1,host2:5433`, the one that is the primary is used, also after a failover.
     */
    databaseUrl: env.databaseUrl('DATABASE_URL'),
    /**
     * The primary without a pooler, for LISTEN, locks and migrations. Set it if `DATABASE_URL` and `DATABASE_REPLICA_URL` lead
     * through a pooler in transaction mode, such as PgBouncer.
     */
    databaseDirectUrl: env.databaseUrl('DATABASE_DIRECT_URL'),
    /** A read-only replica for visitors' pages, which may be slightly stale. If unset, they are read from the primary. */
    databaseReplicaUrl: env.databaseUrl('DATABASE_REPLICA_URL'),
    /** Connections per process, including the queue's. The replica gets as many again. */
    databasePoolMax: env.integer('DATABASE_POOL_MAX', 10, { min: 6, max: 1000 }),
    /** Queries that take longer, in milliseconds, are logged. */
    slowQueryMs: env.integer('SLOW_QUERY_MS', 500, { min: 0, max: 600_000 }),
  };
}

function readMailVariables(env: EnvironmentReader) {
  return {
    /** The mail server, as in `smtp://user:password@host:587`. If unset, email goes to a local mailbox at `/dev/mailbox`. */
    smtpUrl: env.url('SMTP_URL', ['smtp:', 'smtps:']),
    /** The sender, with the site's name unless it has one. */
    mailFrom: env.matching('MAIL_FROM', 'no-reply@localhost', SENDER),
    /** Signs mails (DKIM) for the domain of `MAIL_FROM` with the key in a file, as in `/etc/pennypost/dkim.pem`. If unset, the mail server has to. */
    dkimPrivateKey: env.privateKey('DKIM_PRIVATE_KEY_FILE'),
    /** Where the domain publishes the public key: `DKIM_SELECTOR._domainkey.example.com`. */
    dkimSelector: env.matching('DKIM_SELECTOR', 'pennypost', SELECTOR),
    /**
     * Where mails that cannot be delivered come back to, each with a key before the @: `bounces+KEY@example.com`. That mailbox has
     * to pass them on to this site; see `docs/operations.md`. If unset, they go to `MAIL_FROM`.
     */
    mailReturnPath: env.optionalMatching('MAIL_RETURN_PATH', RETURN_PATH),
    /** Put before every subject, as in `[My site]`. If unset, the site's name in brackets. */
    mailSubjectPrefix: env.optionalMatching('MAIL_SUBJECT_PREFIX', ONE_LINE),
  };
}
