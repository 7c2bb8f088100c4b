import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { pathOfPost } from '../../src/domain/posts/path.ts';
import { MAX_POSITION } from '../../src/domain/posts/position.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { PASSWORD } from '../../test/support/factories.ts';
import type { Site } from './site.ts';

/** The kinds of requests. `page` is in the cache, `uncached` is not, and all but `live` of the others write. */
export const KINDS = ['page', 'uncached', 'live', 'write', 'sign-in', 'sign-up'] as const;
export type Kind = (typeof KINDS)[number];
export const READING_KINDS: ReadonlySet<Kind> = new Set(['page', 'uncached', 'live']);

/** A request and its answer. */
export interface Probe {
  readonly kind: Kind;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly path: string;
  /** 0 without an answer. */
  readonly status: number;
  readonly isHanging: boolean;
  /** Whether it was shown from the cache, because the database was unavailable. */
  readonly isStale: boolean;
  readonly hasRetryAfter: boolean;
  /** Whether it reveals internals. */
  readonly revealsInternals: boolean;
}

/** Something that the site has acknowledged and therefore must keep. */
export interface Acknowledged {
  readonly kind: 'post' | 'comment' | 'session' | 'account';
  /** The text, token or address to look for. */
  readonly value: string;
  readonly at: number;
}

/** A request without a response after this time counts as hanging. */
const HANG_MS = 15_000;
/** Between two requests of each kind. */
const EVERY_MS: Record<Kind, number> = {
  page: 100,
  uncached: 200,
  live: 500,
  write: 100,
  'sign-in': 700,
  'sign-up': 400,
};
const MAX_AT_ONCE = 60;

/** A stack trace, a path, or an error message of PostgreSQL or its driver. */
const INTERNALS =
  /\n\s+at |\.ts:\d|node_modules|ECONN|SQLSTATE|postgres:\/\/|relation "|terminating connection/;

/** Reads and writes constantly, and records every response. */
export class Load {
  readonly probes: Probe[] = [];
  readonly acknowledged: Acknowledged[] = [];
  /** What was acknowledged before this time has been checked. */
  checkedUntil = 0;
  readonly underway = new Set<{ readonly startedAt: number }>();
  readonly #site: Site;
  readonly #slowness: number;
  readonly #stopping = new AbortController();
  readonly #loops: Promise<void>[] = [];

  private constructor(site: Site, slowness: number) {
    this.#site = site;
    this.#slowness = slowness;
  }

  /** @param options.slowness how many times as long to wait between two requests */
  static async start(site: Site, { slowness = 1 } = {}): Promise<Load> {
    const load = new Load(site, slowness);
    const { db } = site.app;
    const users = await db
      .selectFrom('users')
      .select(['id', 'email', 'password_hash as passwordHash'])
      .limit(3)
      .execute();
    const [reader, ...writers] = users;
    const post = await db.selectFrom('posts').select(['id', 'title']).orderBy('id').executeTakeFirstOrThrow();
    if (reader === undefined) throw new Error('there are no people');
    const cookie = `session=${await startSession(db, { userId: reader.id, isRemembered: true })}`;
    const pages = ['/', pathOfPost(post), '/archive'];
    load.#every('page', (n) => load.#get('page', pages[n % pages.length] ?? '/'));
    load.#every('uncached', (n) =>
      n % 2 === 0
        ? load.#get('uncached', `/?before=${MAX_POSITION - n}`)
        : load.#get('uncached', pages[n % pages.length] ?? '/', { cookie }),
    );
    load.#every('live', () => load.#get('live', '/health/live'));
    load.#every('sign-in', () => load.#signIn(reader.email));
    load.#every('sign-up', (n) => load.#signUp(n));
    for (const writer of writers) {
      load.#loops.push(load.#write(await issueToken(db, writer), post.id));
    }
    return load;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
  }

  /** The requests that were running at some point between two moments. */
  between(from: number, until: number): Probe[] {
    return this.probes.filter(({ startedAt, endedAt }) => startedAt < until && endedAt > from);
  }

  #every(kind: Kind, request: (n: number) => Promise<unknown>): void {
    const loop = async () => {
      const running = new Set<Promise<unknown>>();
      for (let n = 0; !this.#stopping.signal.aborted; n += 1) {
        if (running.size < MAX_AT_ONCE) {
          const one = request(n).finally(() => running.delete(one));
          running.add(one);
        }
        await sleep(EVERY_MS[kind] * this.#slowness);
      }
      await Promise.all(running);
    };
    this.#loops.push(loop());
  }

  #get(kind: Kind, path: string, headers: Record<string, string> = {}) {
    return this.#send(kind, path, { headers: { accept: 'text/html', ...headers } });
  }

  /** Publishes posts and comments. Repeats each with the same key until it is acknowledged. */
  async #write(token: string, postId: number): Promise<void> {
    for (let n = 0; !this.#stopping.signal.aborted; n += 1) {
      const kind = n % 2 === 0 ? 'post' : 'comment';
      const path = kind === 'post' ? '/api/v1/posts/' : `/api/v1/posts/${postId}/comments/`;
      const value = `Written as ${randomUUID()}`;
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': value,
      };
      const body = JSON.stringify({ body: value });
      while (!this.#stopping.signal.aborted) {
        const { status } = await this.#send('write', path, { method: 'POST', headers, body });
        await sleep(EVERY_MS.write * this.#slowness);
        if (status !== 201) continue;
        this.#acknowledge(kind, value);
        break;
      }
    }
  }

  async #signIn(email: string): Promise<void> {
    const { status, cookie } = await this.#submit('sign-in', '/auth/login', { email, password: PASSWORD });
    if (status === 303 && cookie !== undefined) this.#acknowledge('session', cookie);
  }

  /** Signs somebody up, who must get a mail. */
  async #signUp(n: number): Promise<void> {
    const username = `new${n}${randomUUID().slice(0, 8)}`;
    const email = `${username}@example.org`;
    const password = randomUUID();
    const form = { email, username, password, password2: password };
    const { status } = await this.#submit('sign-up', '/auth/register', form);
    if (status === 303) this.#acknowledge('account', email);
  }

  #acknowledge(kind: Acknowledged['kind'], value: string): void {
    this.acknowledged.push({ kind, value, at: performance.now() });
  }

  #submit(kind: Kind, path: string, form: Record<string, string>) {
    return this.#send(kind, path, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
  }

  async #send(
    kind: Kind,
    path: string,
    init: RequestInit,
  ): Promise<{ status: number; cookie: string | undefined }> {
    const startedAt = performance.now();
    const request = { startedAt };
    this.underway.add(request);
    const { response, isHanging } = await this.#ask(path, init);
    const text = (await response?.text().catch(() => undefined)) ?? '';
    this.underway.delete(request);
    const { status = 0, headers = new Headers() } = response ?? {};
    this.probes.push({
      ...{ kind, path, startedAt, endedAt: performance.now(), status, isHanging },
      isStale: headers.has('age'),
      hasRetryAfter: headers.has('retry-after'),
      revealsInternals: status >= 500 && INTERNALS.test(text),
    });
    return { status, cookie: /session=([^;]+)/.exec(headers.getSetCookie().join())?.[1] };
  }

  /** Sends a request to the next process if one is gone, like a load balancer. */
  async #ask(path: string, init: RequestInit): Promise<{ response?: Response; isHanging: boolean }> {
    for (const { url, closing } of [...this.#site.backends]) {
      const signal = AbortSignal.any([AbortSignal.timeout(HANG_MS), closing.signal]);
      try {
        const response = await fetch(url + path, { ...init, signal });
        return { response, isHanging: false };
      } catch (error) {
        if (error instanceof Error && error.name === 'TimeoutError') return { isHanging: true };
        if (init.method === 'POST' && !isRefused(error)) return { isHanging: false };
      }
    }
    return { isHanging: false };
  }
}

/** Whether nothing listened, so that the request was certainly not handled. */
function isRefused(error: unknown): boolean {
  return error instanceof TypeError && Object(error.cause).code === 'ECONNREFUSED';
}
