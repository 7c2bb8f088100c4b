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

/** The whole configuration. Frozen; passed as a parameter, never imported. */
export type Config = Readonly<ReturnType<typeof readVariables>> & {
  readonly loginFromAnywhere: RateLimit;
  readonly apiRateLimit: RateLimit;
  /** The cache of pages for visitors without a session. An age of 0 turns it off. */
  readonly pageCache: { readonly maxAgeMs: number; readonly maxBytes: number };
  /** argon2id's parameters for password hashes. */
  readonly passwordHashing: { readonly memoryKiB: number; readonly passes: number };
  /** How long a text may take to render. */
  readonly renderTimeoutMs: number;
  /** How long a connection may be idle, even while the client has not read the response. */
  readonly connectionTimeoutMs: number;
};

/** The environment is invalid. `lines` has one line per variable with its value and what is accepted. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

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

/** The process's environment, with the variables that `.env` adds. */
function readEnvironment(): NodeJS.ProcessEnv {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return process.env;
}

/** The age is how late visitors may see a change made by another process. */
const PAGE_CACHE: Config['pageCache'] = Object.freeze({ maxAgeMs: 2_000, maxBytes: 16 * 2 ** 20 });

/** Recommended by OWASP's Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1. */
const PASSWORD_HASHING: Config['passwordHashing'] = Object.freeze({ memoryKiB: 19 * 1024, passes: 2 });

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Every variable, with its meaning, default and accepted values. */
function readVariables(env: EnvironmentReader) {
  const port = env.integer('PORT', 3000, { min: 0, max: 65_535 });
  return {
    /** The primary database (PostgreSQL 15 or newer); undefined for the embedded one in `dataDir`. */
    databaseUrl: env.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    /** A read-only replica for pages that may be slightly stale; undefined to read them from the primary. */
    databaseReplicaUrl: env.url('DATABASE_REPLICA_URL', ['postgres:', 'postgresql:']),
    /** Connections per process, including the queue's. The replica gets as many again. */
    databasePoolMax: env.integer('DATABASE_POOL_MAX', 10, { min: 4, max: 1000 }),
    /** The folder of the embedded database and the local mailbox, as an absolute path. */
    dataDir: resolve(env.text('DATA_DIR', './data')),
    host: env.text('HOST', '127.0.0.1'),
    port,
    /** The site's address, for links. Without a trailing slash. */
    baseUrl: (env.url('BASE_URL', ['http:', 'https:']) ?? `http://localhost:${port}`).replace(/\/+$/, ''),
    /** Proxies whose `X-Forwarded-*` headers are trusted, as in Fastify's `trustProxy`. */
    trustProxy: env.trustProxy('TRUST_PROXY'),
    /** The mail server; undefined for the local mailbox. */
    smtpUrl: env.url('SMTP_URL', ['smtp:', 'smtps:']),
    mailFrom: env.matching('MAIL_FROM', 'Pennypost <no-reply@localhost>', {
      pattern: /^(?:[^\r\n<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
      accepts: 'an address, as in "Pennypost <no-reply@example.com>"',
    }),
    mailSubjectPrefix: env.matching('MAIL_SUBJECT_PREFIX', '[Pennypost]', {
      pattern: /^[^\r\n]*$/,
      accepts: 'one line of text',
    }),
    /** The account that confirms this address becomes Administrator. */
    adminEmail: env.optionalMatching('ADMIN_EMAIL', {
      pattern: /^[^\s<>@]+@[^\s<>@]+$/,
      accepts: 'an email address',
    }),
    /** Where to report vulnerabilities, for `/.well-known/security.txt`. */
    securityContact: env.optionalMatching('SECURITY_CONTACT', {
      pattern: /^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/,
      accepts: 'a URL that begins with mailto: or https://',
    }),
    /** Page sizes. */
    postsPerPage: env.integer('POSTS_PER_PAGE', 20, { min: 1, max: 200 }),
    followersPerPage: env.integer('FOLLOWERS_PER_PAGE', 50, { min: 1, max: 200 }),
    commentsPerPage: env.integer('COMMENTS_PER_PAGE', 30, { min: 1, max: 200 }),
    /** Slower queries are logged, in milliseconds. */
    slowQueryMs: env.integer('SLOW_QUERY_MS', 500, { min: 0, max: 600_000 }),
    /** Origins whose pages may call the API from a browser, or `*`; undefined for none but the site's own. */
    corsOrigins: env.origins('CORS_ORIGINS'),
    rateLimitsEnabled: env.oneOf('RATE_LIMITS', 'on', ['on', 'off']) === 'on',
    /** Rate limits per account and IP address; defaults in `limits.ts`. */
    rateLimits: env.limits('ACCOUNT_LIMITS'),
    /** Concurrent jobs per worker process. */
    workerConcurrency: env.integer('WORKER_CONCURRENCY', 10, { min: 1, max: 1000 }),
    /** How long a process waits for its requests and jobs when it stops. */
    shutdownGraceSeconds: env.integer('SHUTDOWN_GRACE_SECONDS', 25, { min: 1, max: 3600 }),
    /** The bearer token for `/metrics`; undefined to allow only this machine. */
    metricsToken: env.optionalMatching('METRICS_TOKEN', {
      pattern: /^[\x21-\x7e]+$/,
      accepts: 'letters, digits and signs without spaces',
    }),
    /** Where to export OpenTelemetry traces; undefined for none. */
    otlpEndpoint: env.url('OTEL_EXPORTER_OTLP_ENDPOINT', ['http:', 'https:']),
    logLevel: env.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
  };
}

/** Reads variables one by one and collects problems instead of stopping at the first. */
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

  /** A value for Fastify's `trustProxy`, which takes a hop count as a function. */
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

  /** An empty variable counts as unset, such as `NAME=` in a file. */
  #value(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  #refuse(name: string, given: string, accepted: string): void {
    this.problems.push(`${name}: "${maskPassword(given)}" is not accepted; give ${accepted}`);
  }
}

/** Masks the password in a URL, even if the URL is invalid. */
export function maskPassword(text: string): string {
  return text.replace(/^((?:[^:/]+:\/\/)?[^:]*):.*@/, '$1:***@');
}
