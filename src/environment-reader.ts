import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import ipaddr from 'ipaddr.js';
import { urlsOfHosts } from './database/hosts.ts';
import type { Pattern } from './environment-patterns.ts';
import { DEFAULT_LIMITS, type RateLimits, readLimits } from './limits.ts';
import { isTimeZone } from './queue/index.ts';

const RSA_KEY = 'a file with an RSA key of at least 2048 bits, as PEM without a passphrase';

/** The rule of a variable. */
export interface VariableRule {
  /** The accepted values in words, for error messages and the reference. */
  readonly accepts: string;
  /** The default as it would be written in the environment; undefined if there is none. */
  readonly fallback: string | undefined;
}

/** Reads variables one by one and collects problems instead of stopping at the first. */
export class EnvironmentReader {
  readonly problems: string[] = [];
  /** The rules of the variables that were read. */
  readonly rules = new Map<string, VariableRule>();
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  require(name: string): void {
    if (this.#given(name) === undefined) this.problems.push(`${name}: not set, and this command needs it`);
  }

  text(name: string, fallback: string, accepts: string): string {
    return this.#value(name, { accepts, fallback }) ?? fallback;
  }

  integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    const value = this.#value(name, {
      accepts: `a whole number from ${min} to ${max}`,
      fallback: String(fallback),
    });
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    this.#refuse(name, value);
    return fallback;
  }

  oneOf<const Choice extends string>(name: string, fallback: Choice, choices: readonly Choice[]): Choice {
    const value = this.#value(name, { accepts: choices.join(', '), fallback });
    if (value === undefined) return fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) this.#refuse(name, value);
    return choice ?? fallback;
  }

  matching(name: string, fallback: string, { pattern, accepts }: Pattern): string {
    const value = this.#value(name, { accepts, fallback }) ?? fallback;
    if (!pattern.test(value)) this.#refuse(name, value);
    return value;
  }

  optionalMatching(name: string, { pattern, accepts }: Pattern): string | undefined {
    const value = this.#value(name, { accepts, fallback: undefined });
    if (value === undefined || pattern.test(value)) return value;
    this.#refuse(name, value);
    return undefined;
  }

  timeZone(name: string): string {
    const accepts = 'a name of the IANA database, as in "Europe/Berlin"';
    const value = this.#value(name, { accepts, fallback: 'UTC' }) ?? 'UTC';
    if (!isTimeZone(value)) this.#refuse(name, value);
    return value;
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const accepts = `a URL that begins with ${protocols.map((known) => `${known}//`).join(' or ')}`;
    const value = this.#value(name, { accepts, fallback: undefined });
    if (value === undefined) return undefined;
    if (urlsOfHosts(value).every((url) => protocols.includes(URL.parse(url)?.protocol ?? ''))) return value;
    this.#refuse(name, value);
    return undefined;
  }

  /** Reads an RSA key from a PEM file. Receivers distrust shorter keys, and not all of them know other algorithms. */
  privateKey(name: string): string | undefined {
    const file = this.#value(name, { accepts: RSA_KEY, fallback: undefined });
    if (file === undefined) return undefined;
    try {
      const pem = readFileSync(file, 'utf8');
      const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
      if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return pem;
      this.#refuse(name, file);
    } catch (error) {
      this.#refuse(name, file, ` (${error instanceof Error ? error.message : error})`);
    }
    return undefined;
  }

  databaseUrl(name: string): string | undefined {
    return this.url(name, ['postgres:', 'postgresql:']);
  }

  /** A URL without a path. Returns it as browsers send it in `Origin`. */
  origin(name: string): string | undefined {
    const accepts = 'a URL that begins with http:// or https:// and has no path';
    const value = this.#value(name, { accepts, fallback: undefined });
    if (value === undefined) return undefined;
    const url = URL.parse(value);
    if (url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
    this.#refuse(name, value);
    return undefined;
  }

  /** Origins as browsers send them, without a path. */
  origins(name: string): '*' | readonly string[] | undefined {
    const value = this.#value(name, {
      accepts: '* or origins separated by commas, as in "https://example.com"',
      fallback: undefined,
    });
    if (value === undefined || value === '*') return value;
    const origins = value.split(',').map((origin) => origin.trim());
    if (origins.every((origin) => /^https?:/.test(origin) && URL.parse(origin)?.origin === origin)) {
      return origins;
    }
    this.#refuse(name, value);
    return undefined;
  }

  limits(name: string): RateLimits {
    const actions = Object.keys(DEFAULT_LIMITS).join(', ');
    const value = this.#value(name, {
      accepts: `limits as in "post=30/hour, export=1/day"; there are ${actions}`,
      fallback: undefined,
    });
    if (value === undefined) return DEFAULT_LIMITS;
    const limits = readLimits(value);
    if (limits === undefined) this.#refuse(name, value);
    return limits ?? DEFAULT_LIMITS;
  }

  /** A value for Fastify's `trustProxy`, which takes a hop count as a function. */
  trustProxy(name: string): boolean | string[] | ((address: string, hop: number) => boolean) {
    const value =
      this.#value(name, {
        accepts: 'true, false, a hop count, or addresses separated by commas',
        fallback: 'false',
      }) ?? 'false';
    if (value === 'true' || value === 'false') return value === 'true';
    if (/^\d+$/.test(value)) return (_address, hop) => hop < Number(value);
    const addresses = value.split(',').map((address) => address.trim());
    if (addresses.every((address) => ipaddr.isValid(address) || ipaddr.isValidCIDR(address)))
      return addresses;
    this.#refuse(name, value);
    return false;
  }

  #value(name: string, rule: VariableRule): string | undefined {
    this.rules.set(name, rule);
    return this.#given(name);
  }

  /** An empty variable counts as unset, such as `NAME=` in a file. */
  #given(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }

  #refuse(name: string, given: string, reason = ''): void {
    const accepts = this.rules.get(name)?.accepts;
    this.problems.push(`${name}: "${maskPassword(given)}" is not accepted; give ${accepts}${reason}`);
  }
}

/** Masks the password in a URL, even if the URL is invalid. */
export function maskPassword(text: string): string {
  return text.replace(/^((?:[^:/]+:\/\/)?[^:]*):.*@/, '$1:***@');
}
