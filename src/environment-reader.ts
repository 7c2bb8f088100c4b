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
    return this.#read(name, { accepts, fallback }, (text) => text) ?? fallback;
  }

  integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    const rule = { accepts: `a whole number from ${min} to ${max}`, fallback: String(fallback) };
    const isAccepted = (text: string) => /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max;
    return this.#read(name, rule, (text) => (isAccepted(text) ? Number(text) : undefined)) ?? fallback;
  }

  oneOf<const Choice extends string>(name: string, fallback: Choice, choices: readonly Choice[]): Choice {
    const rule = { accepts: choices.join(', '), fallback };
    return this.#read(name, rule, (text) => choices.find((choice) => choice === text)) ?? fallback;
  }

  matching<Fallback extends string | undefined>(
    name: string,
    fallback: Fallback,
    { pattern, accepts }: Pattern,
  ): string | Fallback {
    return (
      this.#read(name, { accepts, fallback }, (text) => acceptedIf(pattern.test(text), text)) ?? fallback
    );
  }

  timeZone(name: string): string {
    const rule = { accepts: 'a name of the IANA database, as in "Europe/Berlin"', fallback: 'UTC' };
    return this.#read(name, rule, (text) => acceptedIf(isTimeZone(text), text)) ?? 'UTC';
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const accepts = `a URL that begins with ${protocols.map((known) => `${known}//`).join(' or ')}`;
    const isAccepted = (url: string) => protocols.includes(URL.parse(url)?.protocol ?? '');
    return this.#read(name, { accepts, fallback: undefined }, (text) =>
      acceptedIf(urlsOfHosts(text).every(isAccepted), text),
    );
  }

  /** Reads an RSA key from a PEM file. Receivers distrust shorter keys, and not all of them know other algorithms. */
  privateKey(name: string): string | undefined {
    return this.#read(name, { accepts: RSA_KEY, fallback: undefined }, (file) => {
      const pem = readFileSync(file, 'utf8');
      const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
      return acceptedIf(
        asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048,
        pem,
      );
    });
  }

  databaseUrl(name: string): string | undefined {
    return this.url(name, ['postgres:', 'postgresql:']);
  }

  /** A URL without a path. Returns it as browsers send it in `Origin`. */
  origin(name: string): string | undefined {
    const accepts = 'a URL that begins with http:// or https:// and has no path';
    return this.#read(name, { accepts, fallback: undefined }, (text) => {
      const url = URL.parse(text);
      return url !== null && isHttp(text) && url.href === `${url.origin}/` ? url.origin : undefined;
    });
  }

  /** Origins as browsers send them, without a path. */
  origins(name: string): '*' | readonly string[] | undefined {
    const accepts = '* or origins separated by commas, as in "https://example.com"';
    return this.#read(name, { accepts, fallback: undefined }, (text) => {
      if (text === '*') return text;
      const origins = itemsOf(text);
      return acceptedIf(
        origins.every((origin) => isHttp(origin) && URL.parse(origin)?.origin === origin),
        origins,
      );
    });
  }

  limits(name: string): RateLimits {
    const accepts = `limits as in "post=30/hour, export=1/day"; there are ${Object.keys(DEFAULT_LIMITS).join(', ')}`;
    return this.#read(name, { accepts, fallback: undefined }, readLimits) ?? DEFAULT_LIMITS;
  }

  /** A value for Fastify's `trustProxy`, which takes a hop count as a function. */
  trustProxy(name: string): boolean | string[] | ((address: string, hop: number) => boolean) {
    const rule = { accepts: 'true, false, a hop count, or addresses separated by commas', fallback: 'false' };
    const value = this.#read(name, rule, (text) => {
      if (text === 'true' || text === 'false') return text === 'true';
      if (/^\d+$/.test(text)) return (_address: string, hop: number) => hop < Number(text);
      const addresses = itemsOf(text);
      return acceptedIf(
        addresses.every((address) => ipaddr.isValid(address) || ipaddr.isValidCIDR(address)),
        addresses,
      );
    });
    return value ?? false;
  }

  /**
   * Reads a variable.
   *
   * @param parse returns undefined, or throws, for a value that is not accepted
   * @returns undefined if it is unset or not accepted
   */
  #read<Value>(
    name: string,
    rule: VariableRule,
    parse: (text: string) => Value | undefined,
  ): Value | undefined {
    this.rules.set(name, rule);
    const text = this.#given(name);
    if (text === undefined) return undefined;
    let reason = '';
    try {
      const value = parse(text);
      if (value !== undefined) return value;
    } catch (error) {
      reason = ` (${error instanceof Error ? error.message : error})`;
    }
    this.problems.push(`${name}: "${maskPassword(text)}" is not accepted; give ${rule.accepts}${reason}`);
    return undefined;
  }

  /** An empty variable counts as unset, such as `NAME=` in a file. */
  #given(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined;
  }
}

function acceptedIf<Value>(isAccepted: boolean, value: Value): Value | undefined {
  return isAccepted ? value : undefined;
}

function isHttp(url: string): boolean {
  return /^https?:/.test(url);
}

function itemsOf(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}

/** Masks the password in a URL, even if the URL is invalid. */
export function maskPassword(text: string): string {
  return text.replace(/^((?:[^:/]+:\/\/)?[^:]*):.*@/, '$1:***@');
}
