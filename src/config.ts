import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import {
  API_RATE_LIMIT,
  DEFAULT_LIMITS,
  LOGIN_FROM_ANYWHERE,
  type RateLimit,
  type RateLimits,
  readLimits,
} from './limits.ts';

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
    mailFrom: env.matching('MAIL_FROM', 'Pennypost <no-reply@localhost>', {
      pattern: /^(?:[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
      accepts: 'an address, as in "Pennypost <no-reply@example.com>"',
    }),
    mailSubjectPrefix: env.matching('MAIL_SUBJECT_PREFIX', '[Pennypost]', {
      pattern: /^[^\r\n]*$/,
      accepts: 'one line of text',
    }),
    /** Whoever confirms this address becomes Administrator. */
    adminEmail: env.optionalMatching('ADMIN_EMAIL', {
      pattern: /^[^\s<>@]+@[^\s<>@]+$/,
      accepts: 'an email address',
    }),
    /** Where to report holes, for `/.well-known/security.txt`; undefined means that there is none. */
    securityContact: env.optionalMatching('SECURITY_CONTACT', {
      pattern: /^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/,
      accepts: 'a URL that begins with mailto: or https://',
    }),
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
    metricsToken: env.optionalMatching('METRICS_TOKEN', {
      pattern: /^[\x21-\x7e]+$/,
      accepts: 'letters, digits and signs without spaces',
    }),
    /** Where OpenTelemetry traces go; undefined means nowhere. */
    otlpEndpoint: env.url('OTEL_EXPORTER_OTLP_ENDPOINT', ['http:', 'https:']),
    logLevel: env.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
  };
}

/** Reads variables one by one and collects what is wrong with them instead of stopping at the first. */
class EnvironmentReader {
  readonly problems: string[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  require(name: string): void {
    if (this.#value(name) === undefined) this.problems.push(`${name}: not set, and this command needs it`);
  }

  text(name: string, fallback: string): string {
    return this.#value(name) ?? fallback;
  }

  integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    this.#refuse(name, value, `a whole number from ${min} to ${max}`);
    return fallback;
  }

  oneOf<const Choice extends string>(name: string, fallback: Choice, choices: readonly Choice[]): Choice {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) this.#refuse(name, value, choices.join(', '));
    return choice ?? fallback;
  }

  matching(name: string, fallback: string, rule: { pattern: RegExp; accepts: string }): string {
    return this.optionalMatching(name, rule) ?? fallback;
  }

  optionalMatching(
    name: string,
    { pattern, accepts }: { pattern: RegExp; accepts: string },
  ): string | undefined {
    const value = this.#value(name);
    if (value === undefined || pattern.test(value)) return value;
    this.#refuse(name, value, accepts);
    return undefined;
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const protocol = URL.parse(value)?.protocol;
    if (protocol !== undefined && protocols.includes(protocol)) return value;
    this.#refuse(
      name,
      value,
      `a URL that begins with ${protocols.map((known) => `${known}//`).join(' or ')}`,
    );
    return undefined;
  }

  /** Origins as browsers send them, without a path. */
  origins(name: string): '*' | readonly string[] | undefined {
    const value = this.#value(name);
    if (value === undefined || value === '*') return value;
    const origins = value.split(',').map((origin) => origin.trim());
    if (origins.every((origin) => /^https?:/.test(origin) && URL.parse(origin)?.origin === origin)) {
      return origins;
    }
    this.#refuse(name, value, '* or origins separated by commas, as in "https://example.com"');
    return undefined;
  }

  limits(name: string): RateLimits {
    const value = this.#value(name);
    if (value === undefined) return DEFAULT_LIMITS;
    const limits = readLimits(value);
    if (limits === undefined) {
      const actions = Object.keys(DEFAULT_LIMITS).join(', ');
      this.#refuse(name, value, `limits as in "post=30/hour, export=1/day"; there are ${actions}`);
    }
    return limits ?? DEFAULT_LIMITS;
  }

  /** Answers in the terms of Fastify's `trustProxy`, which takes a hop count as a function. */
  trustProxy(name: string): boolean | string[] | ((address: string, hop: number) => boolean) {
    const value = this.#value(name) ?? 'false';
    if (value === 'true' || value === 'false') return value === 'true';
    if (/^\d+$/.test(value)) return (_address, hop) => hop < Number(value);
    const addresses = value.split(',').map((address) => address.trim());
    if (addresses.every((address) => ipaddr.isValid(address) || ipaddr.isValidCIDR(address)))
      return addresses;
    this.#refuse(name, value, 'true, false, a hop count, or addresses separated by commas');
    return false;
  }

  /** An empty variable counts as unset: that is what `NAME=` in a file means. */
  #value(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  #refuse(name: string, given: string, accepted: string): void {
    this.problems.push(`${name}: "${maskPassword(given)}" is not accepted; give ${accepted}`);
  }
}

/** Hides what stands where a URL has its password, also in text that is no valid URL. */
export function maskPassword(text: string): string {
  return text.replace(/^((?:[^:/]+:\/\/)?[^:]*):.*@/, '$1:***@');
}
