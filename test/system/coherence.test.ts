import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { startSession } from '../../src/domain/sessions/start.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, PASSWORD, type TestUser } from '../support/factories.ts';
import { start } from '../support/processes.ts';

/** How stale a visitor's page may be. */
const STALENESS_MS = 2_000;

/** Compares pages without messages, which are shown only once. Prefetching leaves them for later. */
const AHEAD = { 'sec-purpose': 'prefetch' };

const BASE_URL = 'http://pennypost.example';
const NAMES = ['ann', 'bob', 'mod'] as const;

/** A page's expected content, and since when. */
interface Visited {
  readonly visitedAt: number;
  readonly seen: { since: number; html: string }[];
}

/** Two web processes on one database, and an application without a cache to compare them with. */
class World {
  readonly app: FastifyInstance;
  readonly #processes: readonly string[];
  readonly #people: readonly TestUser[];
  readonly #cookies: (string | undefined)[] = [];
  /** What visitors should see on each page, and since when. */
  readonly #states = new Map<string, Visited>();

  private constructor(app: FastifyInstance, processes: readonly string[], people: readonly TestUser[]) {
    this.app = app;
    this.#processes = processes;
    this.#people = people;
  }

  static async create(t: Test): Promise<World> {
    const env = {
      DATABASE_URL: await createDatabase(t),
      BASE_URL,
      POSTS_PER_PAGE: '3',
      COMMENTS_PER_PAGE: '2',
      RATE_LIMITS: 'off',
      SMTP_URL: 'smtp://127.0.0.1:1',
    };
    const app = await build(t, env);
    const people: TestUser[] = [];
    for (const username of NAMES) {
      people.push(await createUser(app, { username, role: username === 'mod' ? 'Administrator' : 'User' }));
    }
    const servers = [1, 2].map(() => start(t, ['src/server.ts'], { ...env, PORT: '0' }));
    const processes: string[] = [];
    for (const server of servers) {
      await server.prints(/Server listening at/);
      processes.push(/listening at (http:[^"\s]+)/.exec(server.output)?.[1] ?? '');
    }
    const world = new World(app, processes, people);
    for (const [index, { id: userId, passwordHash }] of people.entries()) {
      const session = await startSession(app.db, { userId, passwordHash, isRemembered: false });
      world.#cookies[index] = `session=${session}`;
    }
    return world;
  }

  /** A visitor without a session must get a page that was current within the limit. */
  async visit(t: Test, at: number, path: string): Promise<void> {
    const askedAt = performance.now();
    const { seen } = await this.note(path, askedAt);
    const { status, text } = await this.#get(at, path, {});
    if (status === 304) t.fail('nothing was asked conditionally');
    this.#states.set(path, { visitedAt: performance.now(), seen });
    const isAcceptable = seen.some(({ html }, index) => {
      const until = seen[index + 1]?.since ?? Number.POSITIVE_INFINITY;
      return html === text && until >= askedAt - STALENESS_MS;
    });
    t.ok(isAcceptable, `${path} of process ${at} was so within the last two seconds`);
  }

  /** A visitor with a session must get the current page from any process. */
  async look(t: Test, at: number, who: number, path: string): Promise<void> {
    const cookie = this.#cookies[who];
    if (cookie === undefined) return this.visit(t, at, path);
    const { text } = await this.#get(at, path, { cookie });
    const { body } = await this.app.inject({ url: path, headers: { ...AHEAD, cookie } });
    t.equal(text, body, `${path} of process ${at} is exact for ${NAMES[who]}`);
  }

  /** Submits a form, and checks at once, with the resulting session, what has changed. */
  async submit(
    t: Test,
    at: number,
    who: number,
    path: string,
    fields: Record<string, string> = {},
  ): Promise<void> {
    const cookie = this.#cookies[who];
    const response = await fetch(this.#url(at, path), {
      method: 'POST',
      redirect: 'manual',
      headers: cookie === undefined ? {} : { cookie },
      body: new URLSearchParams(fields),
    });
    t.ok([303, 403, 404, 422].includes(response.status), `${path} answers ${response.status}`);
    const [sent] = response.headers.getSetCookie().filter((header) => header.startsWith('session='));
    if (sent !== undefined) this.#cookies[who] = sent.split(';', 1)[0];
    await this.noteAll();
    await this.look(t, 1 - at, who, '/');
    await this.look(t, at, who, '/user/ann');
  }

  logIn(t: Test, at: number, who: number): Promise<void> {
    const email = this.#people[who]?.email ?? '';
    return this.submit(t, at, who, '/auth/login', { email, password: PASSWORD });
  }

  async ids(table: 'posts' | 'comments'): Promise<number[]> {
    const rows = await this.app.db.selectFrom(table).select('id').orderBy('id', 'desc').limit(5).execute();
    return rows.map(({ id }) => id);
  }

  /** Records what visitors should see now on all pages that may be cached. */
  async noteAll(): Promise<void> {
    for (const [path, { visitedAt }] of this.#states) {
      if (performance.now() - visitedAt > 2 * STALENESS_MS) this.#states.delete(path);
      else await this.note(path, visitedAt);
    }
  }

  async note(path: string, visitedAt: number): Promise<Visited> {
    const { body } = await this.app.inject({ url: path });
    const seen = this.#states.get(path)?.seen ?? [];
    if (seen.at(-1)?.html !== body) seen.push({ since: performance.now(), html: body });
    const state = { visitedAt, seen };
    this.#states.set(path, state);
    return state;
  }

  async #get(at: number, path: string, headers: Record<string, string>) {
    const response = await fetch(this.#url(at, path), { headers: { ...AHEAD, ...headers } });
    return { status: response.status, text: await response.text() };
  }

  #url(at: number, path: string): string {
    return `${this.#processes[at]}${path}`;
  }
}

t.test('two processes serve current pages, whatever is written and moderated', async (t) => {
  const world = await World.create(t);
  const at = fc.nat(1);
  const who = fc.nat(NAMES.length - 1);
  const which = fc.nat(4);
  const words = fc.constantFrom('Hello', '**Bold**', 'A & B');
  const path = fc.constantFrom(
    '/',
    '/?page=2',
    '/?page=-1',
    '/user/ann',
    '/user/bob',
    '/followers/ann',
    '/post/newest',
  );
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('visit' as const), at, path }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('look' as const), at, who, path }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), at, who, words }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('comment' as const), at, who, which, words }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('edit' as const), at, who, which, words }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete post' as const), at, who, which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete comment' as const), at, who, which }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('moderate' as const),
        at,
        which,
        verb: fc.constantFrom('enable', 'disable'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('follow' as const),
        at,
        who,
        verb: fc.constantFrom('follow', 'unfollow'),
        name: fc.constantFrom(...NAMES),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), at, who, words }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('change role' as const),
        at,
        role: fc.constantFrom('User', 'Moderator'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('log out' as const), at, who: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('log in' as const), at, who: fc.nat(1) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 900 }) }),
    },
  );
  type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

  const perform = async (todo: Action) => {
    const { kind } = todo;
    if (kind === 'wait') return sleep(todo.ms);
    const { at } = todo;
    const pick = async (table: 'posts' | 'comments', which: number) => {
      const ids = await world.ids(table);
      return ids[which % Math.max(1, ids.length)] ?? 1;
    };
    switch (kind) {
      case 'visit':
      case 'look': {
        const real = todo.path === '/post/newest' ? `/post/${await pick('posts', 0)}` : todo.path;
        return kind === 'visit' ? world.visit(t, at, real) : world.look(t, at, todo.who, real);
      }
      case 'publish':
        return world.submit(t, at, todo.who, '/', { body: todo.words });
      case 'comment':
        return world.submit(t, at, todo.who, `/post/${await pick('posts', todo.which)}`, {
          body: todo.words,
        });
      case 'edit':
        return world.submit(t, at, todo.who, `/edit/${await pick('posts', todo.which)}`, {
          body: `${todo.words}, edited`,
        });
      case 'delete post':
        return world.submit(t, at, todo.who, `/post/${await pick('posts', todo.which)}/delete`);
      case 'delete comment':
        return world.submit(t, at, todo.who, `/comment/${await pick('comments', todo.which)}/delete`);
      case 'moderate':
        return world.submit(t, at, 2, `/moderate/${todo.verb}/${await pick('comments', todo.which)}`);
      case 'follow':
        return world.submit(t, at, todo.who, `/${todo.verb}/${todo.name}`);
      case 'rename':
        return world.submit(t, at, todo.who, '/edit-profile', {
          name: todo.words,
          location: '',
          about_me: '',
        });
      case 'change role':
        return world.submit(t, at, 2, '/edit-profile/2', {
          email: 'bob@example.com',
          username: 'bob',
          confirmed: 'y',
          role: todo.role,
          name: '',
          location: '',
          about_me: '',
        });
      case 'log out':
        return world.submit(t, at, todo.who, '/auth/logout');
      case 'log in':
        return world.logIn(t, at, todo.who);
    }
  };

  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 30 }), async (actions) => {
      for (const one of actions) await perform(one);
      return t.passing();
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
