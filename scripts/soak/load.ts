import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { issueNamedToken } from '../../src/domain/api-tokens/issue.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { hashToken } from '../../src/domain/token.ts';
import type { Mailbox } from './mailbox.ts';

/** Seeded people who stay logged in. Others log in and out. */
const REGULARS = 20;

/** Concurrent actions. On a busy machine, the load must not pile up. */
const MAX_AT_ONCE = 20;

/** How old posts and comments become before the load deletes them. */
const LIFETIME_SECONDS = 120;

interface Regular {
  readonly id: number;
  readonly cookie: string;
  readonly token: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A form's fields. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly json?: object;
}

/** People who use the site: each second the same number of random actions. */
export class Load {
  /** Errors of actions. */
  readonly failures: string[] = [];
  count = 0;
  /** Requests that a busy machine shed. */
  shed = 0;
  readonly #app: FastifyInstance;
  readonly #url: string;
  readonly #mailbox: Mailbox;
  readonly #regulars: readonly Regular[];
  readonly #seeded: { readonly posts: number; readonly comments: number; readonly users: number };
  #latencies: number[] = [];
  #newcomers = 0;

  private constructor(
    app: FastifyInstance,
    url: string,
    mailbox: Mailbox,
    regulars: readonly Regular[],
    seeded: { posts: number; comments: number; users: number },
  ) {
    this.#app = app;
    this.#url = url;
    this.#mailbox = mailbox;
    this.#regulars = regulars;
    this.#seeded = seeded;
  }

  static async create(app: FastifyInstance, url: string, mailbox: Mailbox): Promise<Load> {
    const regulars: Regular[] = [];
    for (let id = 1; id <= REGULARS; id += 1) regulars.push(await signIn(app, id));
    const { rows } = await sql<{ posts: number; comments: number; users: number }>`
      select (select max(id) from posts) as posts, (select max(id) from comments) as comments,
        (select max(id) from users) as users
    `.execute(app.db);
    return new Load(app, url, mailbox, regulars, rows[0] ?? { posts: 1, comments: 1, users: 1 });
  }

  /** Starts this many actions a second, unless too many are running, until the signal is aborted. Then waits for the last ones. */
  async run(perSecond: number, signal: AbortSignal): Promise<void> {
    const underway = new Set<Promise<void>>();
    const startedAt = performance.now();
    for (let number = 0; !signal.aborted; number += 1) {
      if (underway.size < MAX_AT_ONCE) {
        const action = this.#act().finally(() => underway.delete(action));
        underway.add(action);
      }
      await sleep(Math.max(0, startedAt + (1000 * number) / perSecond - performance.now()));
    }
    await Promise.all(underway);
  }

  /** The response times since the last call, in milliseconds. */
  takeLatencies(): number[] {
    const taken = this.#latencies;
    this.#latencies = [];
    return taken;
  }

  async #act(): Promise<void> {
    this.count += 1;
    const act = chooseByWeight(this.#actions());
    try {
      await act();
    } catch (error) {
      if (error instanceof Shed) this.shed += 1;
      else this.failures.push(error instanceof Error ? error.message : String(error));
    }
  }

  /** Actions with their weights. As much is deleted as is written. */
  #actions(): readonly (readonly [weight: number, act: () => Promise<unknown>])[] {
    return [
      [30, () => this.#read({})],
      [25, () => this.#read({ cookie: this.#regular().cookie })],
      [10, () => this.#readApi()],
      [4, () => this.#publish()],
      [6, () => this.#deletePost()],
      [6, () => this.#comment()],
      [9, () => this.#deleteComment()],
      [4, () => this.#follow()],
      [3, () => this.#logInAndOut()],
      [2, () => this.#signUp()],
      [1, () => this.#ask('/auth/reset', { fields: { email: `user${pick(60)}@example.com` } }, [303])],
      [
        0.5,
        () => this.#ask('/your-data', { headers: { cookie: this.#regular().cookie }, fields: {} }, [303]),
      ],
    ];
  }

  #read(headers: Record<string, string>): Promise<unknown> {
    const paths = [
      '/',
      '/all',
      `/post/${this.#post()}`,
      `/user/user${pick(60)}`,
      '/feed.atom',
      `/?page=${pick(20)}`,
    ];
    return this.#ask(
      paths[pick(paths.length) - 1] ?? '/',
      { headers: { 'accept-encoding': 'gzip', ...headers } },
      [200, 301, 303],
    );
  }

  #readApi(): Promise<unknown> {
    const { id, token } = this.#regular();
    const paths = ['/posts/', `/posts/${this.#post()}`, `/users/${id}/timeline/`, '/comments/'];
    const headers = { authorization: `Bearer ${token}` };
    return this.#ask(`/api/v1${paths[pick(paths.length) - 1]}`, { headers }, [200]);
  }

  async #publish(): Promise<void> {
    const { cookie, token } = this.#regular();
    const body = `Written at ${new Date().toISOString()}, *as every day*.\n\n${'More of it. '.repeat(pick(40))}`;
    if (Math.random() < 0.5) await this.#ask('/', { headers: { cookie }, fields: { body } }, [303]);
    else {
      const headers = { authorization: `Bearer ${token}`, 'idempotency-key': crypto.randomUUID() };
      await this.#ask('/api/v1/posts/', { headers, json: { body } }, [201]);
    }
  }

  async #deletePost(): Promise<void> {
    const old = await this.#oldest('posts');
    if (old === undefined) return;
    const { cookie } = this.#regulars[old.author - 1] ?? this.#regular();
    await this.#ask(`/post/${old.id}/delete`, { headers: { cookie }, fields: {} }, [303, 404]);
  }

  async #comment(): Promise<void> {
    const { cookie, token } = this.#regular();
    const post = this.#post();
    const body = `A comment at ${new Date().toISOString()}.`;
    if (Math.random() < 0.5)
      await this.#ask(`/post/${post}`, { headers: { cookie }, fields: { body } }, [303]);
    else {
      const headers = { authorization: `Bearer ${token}` };
      await this.#ask(`/api/v1/posts/${post}/comments/`, { headers, json: { body } }, [201]);
    }
  }

  async #deleteComment(): Promise<void> {
    const old = await this.#oldest('comments');
    if (old === undefined) return;
    const headers = { authorization: `Bearer ${(this.#regulars[old.author - 1] ?? this.#regular()).token}` };
    await this.#ask(`/api/v1/comments/${old.id}`, { method: 'DELETE', headers }, [204, 404]);
  }

  #follow(): Promise<unknown> {
    const { cookie } = this.#regular();
    const what = Math.random() < 0.5 ? 'follow' : 'unfollow';
    return this.#ask(`/${what}/user${pick(60)}`, { headers: { cookie }, fields: {} }, [303]);
  }

  async #logInAndOut(): Promise<void> {
    const email = `user${REGULARS + pick(this.#seeded.users - REGULARS)}@example.com`;
    const response = await this.#ask('/auth/login', { fields: { email, password: 'password' } }, [303]);
    const cookie = cookieOf(response);
    await this.#read({ cookie });
    await this.#ask('/auth/logout', { headers: { cookie }, fields: {} }, [303]);
  }

  /** Registers, waits for the mail, which the server may refuse at first, and confirms. */
  async #signUp(): Promise<void> {
    this.#newcomers += 1;
    const username = `soak${this.#newcomers}`;
    const email = `${username}@example.com`;
    const path = this.#mailbox.linkTo(email);
    const password = 'correct horse';
    const response = await this.#ask(
      '/auth/register',
      { fields: { email, username, password, password2: password } },
      [303],
    );
    await this.#ask(await path, { headers: { cookie: cookieOf(response) }, fields: {} }, [303]);
  }

  async #ask(
    path: string,
    { method, headers, fields, json }: Sent,
    expected: readonly number[],
  ): Promise<Response> {
    const body = fields ? new URLSearchParams(fields) : json && JSON.stringify(json);
    const startedAt = performance.now();
    const response = await fetch(this.#url + path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...headers, ...(json && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    await response.arrayBuffer();
    this.#latencies.push(performance.now() - startedAt);
    if (response.status === 503 && response.headers.has('retry-after')) throw new Shed();
    if (!expected.includes(response.status))
      throw new Error(`${path.replaceAll(/\d+/g, 'N')} responded with ${response.status}`);
    return response;
  }

  async #oldest(table: 'posts' | 'comments'): Promise<{ id: number; author: number } | undefined> {
    return this.#app.db
      .selectFrom(table)
      .select(['id', 'author_id as author'])
      .where('id', '>', this.#seeded[table])
      .where('created_at', '<', new Date(Date.now() - 1000 * LIFETIME_SECONDS))
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
  }

  /** A seeded post, which nobody deletes. */
  #post(): number {
    return pick(this.#seeded.posts);
  }

  #regular(): Regular {
    const regular = this.#regulars[pick(this.#regulars.length) - 1];
    if (regular === undefined) throw new Error('nobody is logged in');
    return regular;
  }
}

class Shed extends Error {}

async function signIn({ db }: FastifyInstance, userId: number): Promise<Regular> {
  const session = await startSession(db, { userId, isRemembered: true });
  const sessionHash = hashToken(session);
  const token = await issueNamedToken(db, { userId, sessionHash, name: 'soak', scope: 'write', days: null });
  return { id: userId, cookie: `session=${session}`, token };
}

function chooseByWeight<Choice>(choices: readonly (readonly [weight: number, choice: Choice])[]): Choice {
  let left = Math.random() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  throw new Error('there is no choice');
}

/** A whole number from 1 to `max`. */
function pick(max: number): number {
  return 1 + Math.floor(Math.random() * max);
}

/** The cookies that a response sets, to send back. */
function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ');
}
