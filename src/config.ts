import { resolve } from 'node:path';
import { EnvironmentReader } from './environment-reader.ts';
import { API_RATE_LIMIT, LOGIN_FROM_ANYWHERE, type RateLimit } from './limits.ts';

/** Everything a process is told from outside. Frozen; handed down, never imported. */
export type Config = Readonly<ReturnType<typeof readVariables>> & {
  readonly loginFromAnywhere: RateLimit;
  readonly apiRateLimit: RateLimit;
  /** The pages that are rendered once for all who have no session; with an age of 0 none is kept. */
  readonly pageCache: { readonly maxAgeMs: number; readonly maxBytes: number };
  /** What hashing a password costs, in the terms of argon2id. */
  readonly passwordHashing: { readonly memoryKiB: number; readonly passes: number };
  /** How long one text may take to render. */
  readonly renderTimeoutMs: number;
  /** How long a connection may stand still, also while an answer waits to be read. */
  readonly connectionTimeoutMs: number;
};

/** The environment is wrong. Every wrong variable has one line that says what was given and what is accepted. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/**
 * Reads and validates the environment, all of it, so that every mistake is reported at once.
 *
 * @param env defaults to the process's own and what `.env` adds to it; tests pass a literal
 * @param required variables that have no default for this command, e.g. `DATABASE_URL` for the web process
 * @throws ConfigError with one line per wrong or missing variable
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>> = readEnvironment(),
  { required = [] }: { required?: readonly string[] } = {},
): Config {
  const reader = new EnvironmentReader(env);
  const variables = readVariables(reader);
  for (const name of required) reader.require(name);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return Object.freeze({
    ...variables,
    loginFromAnywhere: LOGIN_FROM_ANYWHERE,
    apiRateLimit: API_RATE_LIMIT,
    pageCache: PAGE_CACHE,
    passwordHashing: PASSWORD_HASHING,
    renderTimeoutMs: 2_000,
    connectionTimeoutMs: 30_000,
  });
}

/** The process's environment, with what a file `.env` in its folder sets beside it. */
function readEnvironment(): NodeJS.ProcessEnv {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return process.env;
}

/** The age is how long visitors may miss a change that another process made. */
const PAGE_CACHE: Config['pageCache'] = Object.freeze({ maxAgeMs: 2_000, maxBytes: 16 * 2 ** 20 });

/** What OWASP's Password Storage Cheat Sheet recommends: m = 19 MiB, t = 2, p = 1. */
const PASSWORD_HASHING: Config['passwordHashing'] = Object.freeze({ memoryKiB: 19 * 1024, passes: 2 });

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** What some variables must look like, and how to say so. */
const SENDER = {
  pattern: /^(?:[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
  accepts: 'an address, as in "Pennypost <no-reply@example.com>"',
};
const ONE_LINE = { pattern: /^[^\r\n]*$/, accepts: 'one line of text' };
const ADDRESS = { pattern: /^[^\s<>@]+@[^\s<>@]+$/, accepts: 'an email address' };
const CONTACT = {
  pattern: /^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/,
  accepts: 'a URL that begins with mailto: or https://',
};
const TOKEN = { pattern: /^[\x21-\x7e]+$/, accepts: 'letters, digits and signs without spaces' };

/** The table of variables: each name once, with its meaning, its default and what it accepts. */
function readVariables(env: EnvironmentReader) {
  const port = env.integer('PORT', 3000, { min: 0, max: 65_535 });
  return {
    /** Primary database (PostgreSQL 15 or newer); undefined means the embedded one in `dataDir`. */
    databaseUrl: env.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    /** A read-only copy, for pages that may be a moment old; undefined means that the primary serves those too. */
    databaseReplicaUrl: env.url('DATABASE_REPLICA_URL', ['postgres:', 'postgresql:']),
    /** Connections this process may hold, the queue's included; to a replica, as many again. */
    databasePoolMax: env.integer('DATABASE_POOL_MAX', 10, { min: 4, max: 1000 }),
    /** Where the embedded defaults keep their files: the database cluster and the mailbox. Absolute. */
    dataDir: resolve(env.text('DATA_DIR', './data')),
    host: env.text('HOST', '127.0.0.1'),
    port,
    /** The site's own address in mails and feeds, without a trailing slash. */
    baseUrl: (env.url('BASE_URL', ['http:', 'https:']) ?? `http://localhost:${port}`).replace(/\/+$/, ''),
    /** Whose `X-Forwarded-*` headers are believed, as Fastify's `trustProxy`. */
    trustProxy: env.trustProxy('TRUST_PROXY'),
    /** The mail server; undefined means the local mailbox. */
    smtpUrl: env.url('SMTP_URL', ['smtp:', 'smtps:']),
    mailFrom: env.matching('MAIL_FROM', 'Pennypost <no-reply@localhost>', SENDER),
    mailSubjectPrefix: env.matching('MAIL_SUBJECT_PREFIX', '[Pennypost]', ONE_LINE),
    /** Whoever confirms this address becomes Administrator. */
    adminEmail: env.optionalMatching('ADMIN_EMAIL', ADDRESS),
    /** Where to report holes, for `/.well-known/security.txt`; undefined means that there is none. */
    securityContact: env.optionalMatching('SECURITY_CONTACT', CONTACT),
    /** Page sizes. */
    postsPerPage: env.integer('POSTS_PER_PAGE', 20, { min: 1, max: 200 }),
    followersPerPage: env.integer('FOLLOWERS_PER_PAGE', 50, { min: 1, max: 200 }),
    commentsPerPage: env.integer('COMMENTS_PER_PAGE', 30, { min: 1, max: 200 }),
    /** Queries that take longer than this many milliseconds are logged. */
    slowQueryMs: env.integer('SLOW_QUERY_MS', 500, { min: 0, max: 600_000 }),
    /** Whose pages may call the API from a browser: origins, or `*`; undefined means only our own. */
    corsOrigins: env.origins('CORS_ORIGINS'),
    rateLimitsEnabled: env.oneOf('RATE_LIMITS', 'on', ['on', 'off']) === 'on',
    /** How often an account and an address may do what; the defaults are in `limits.ts`. */
    rateLimits: env.limits('ACCOUNT_LIMITS'),
    /** Jobs in flight in one worker process. */
    workerConcurrency: env.integer('WORKER_CONCURRENCY', 10, { min: 1, max: 1000 }),
    /** How long a stopping process waits for running requests and jobs. */
    shutdownGraceSeconds: env.integer('SHUTDOWN_GRACE_SECONDS', 25, { min: 1, max: 3600 }),
    /** Who bears this may read `/metrics`; undefined means only this machine may. */
    metricsToken: env.optionalMatching('METRICS_TOKEN', TOKEN),
    /** Where OpenTelemetry traces go; undefined means nowhere. */
    otlpEndpoint: env.url('OTEL_EXPORTER_OTLP_ENDPOINT', ['http:', 'https:']),
    logLevel: env.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
  };
}
