import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_POSITION } from '../../src/domain/posts/position.ts';

/** The kinds of requests: pages that a replica may serve, pages of a signed-in person, and changes. */
export type Kind = 'visitor' | 'signed in' | 'post' | 'sign-up';

/** Requests per second, of each kind. */
const RATES: Record<Kind, number> = { visitor: 50, 'signed in': 25, post: 20, 'sign-up': 5 };
const PER_SECOND = Object.values(RATES).reduce((sum, rate) => sum + rate);

/** One second's requests, evenly mixed. */
const ROUND = (Object.keys(RATES) as Kind[])
  .flatMap((kind) => Array.from({ length: RATES[kind] }, (_, n) => ({ kind, at: (n + 0.5) / RATES[kind] })))
  .toSorted((a, b) => a.at - b.at)
  .map(({ kind }) => kind);

const TIMEOUT_MS = 10_000;

/** The response to a request. Times are on the clock of `performance.now()`. */
export interface Answer {
  readonly kind: Kind;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly isGood: boolean;
  /** Whether it is a 503 that says when to try again. */
  readonly isRefusal: boolean;
}

/** Sends a hundred requests a second, whether or not they succeed. */
export class Load {
  readonly answers: Answer[] = [];
  /** The acknowledged changes: the texts of posts, and the addresses that signed up. */
  readonly posts: string[] = [];
  readonly addresses: string[] = [];
  readonly #site: string;
  readonly #credentials: { readonly cookie: string; readonly authorization: string };
  readonly #running = new Set<Promise<void>>();
  #isStopped = false;
  #loop: Promise<void> | undefined;

  constructor(site: string, credentials: { cookie: string; authorization: string }) {
    this.#site = site;
    this.#credentials = credentials;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    for (let n = 0; !this.#isStopped; n += 1) {
      const request = this.#send(ROUND[n % PER_SECOND] ?? 'visitor', n).finally(() =>
        this.#running.delete(request),
      );
      this.#running.add(request);
      await sleep(Math.max(0, startedAt + ((n + 1) * 1000) / PER_SECOND - performance.now()));
    }
  }

  async #send(kind: Kind, n: number): Promise<void> {
    const startedAt = performance.now();
    const { path, init, kept } = this.#request(kind, n);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(this.#site + path, { redirect: 'manual', ...init, signal }).catch(
      () => undefined,
    );
    await response?.text().catch(() => '');
    const isGood = response !== undefined && response.status < 400;
    const isRefusal = response?.status === 503 && response.headers.has('retry-after');
    this.answers.push({ kind, startedAt, endedAt: performance.now(), isGood, isRefusal });
    if (isGood) kept?.();
  }

  #request(kind: Kind, n: number): { path: string; init?: RequestInit; kept?: () => void } {
    const { cookie, authorization } = this.#credentials;
    switch (kind) {
      case 'visitor': // Never the same page, so that it is not in the cache.
        return { path: `/?before=${MAX_POSITION - n}`, init: { headers: { accept: 'text/html' } } };
      case 'signed in':
        return { path: '/', init: { headers: { accept: 'text/html', cookie } } };
      case 'post': {
        const text = `Written as ${randomUUID()}`;
        const headers = { authorization, 'content-type': 'application/json' };
        const init = { method: 'POST', headers, body: JSON.stringify({ body: text }) };
        return { path: '/api/v1/posts/', init, kept: () => this.posts.push(text) };
      }
      case 'sign-up': {
        const username = `new${n}${randomUUID().slice(0, 8)}`;
        const email = `${username}@example.org`;
        const password = randomUUID();
        const body = new URLSearchParams({ email, username, password, password2: password });
        const init = { method: 'POST', body };
        return { path: '/auth/register', init, kept: () => this.addresses.push(email) };
      }
    }
  }
}
