import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { olderProcesses } from '../../scripts/support/older-processes.ts';
import { MAX_POSITION } from '../../src/domain/posts/position.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser } from '../support/factories.ts';
import { jobsOf } from '../support/jobs.ts';
import { start } from '../support/processes.ts';
import { makeRelease, migration, type Sources } from '../support/release.ts';
import { catchMail } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';
import { writePosts } from '../support/writing.ts';

/** How many jobs are enqueued at a time, and the fewest that wait: twice what the workers have in hand. */
const BATCH = 20;
const FEWEST_WAITING = 20;

/** Keeps jobs waiting, however fast the workers are, until it is stopped. */
function keepBusy(app: FastifyInstance) {
  let [sent, isStopped] = [0, false];
  const payloads = Array.from({ length: BATCH }, (_, n) => ({
    template: 'confirm-account' as const,
    userId: n + 1,
  }));
  const feeding = (async () => {
    while (!isStopped) {
      if ((await jobsOf(app, mailQueue)).length < FEWEST_WAITING) {
        await app.queue.sendAll(mailQueue, payloads, { db: app.db });
        sent += BATCH;
      }
      await sleep(100);
    }
  })();
  return {
    /** Returns the number of mails enqueued. */
    async stop(): Promise<number> {
      isStopped = true;
      await feeding;
      return sent;
    },
  };
}

/** A load balancer and the browsers before it, which keep their connections and never stop reading and writing. */
class Visitors {
  /** The web process that requests are sent to. */
  #site: string;
  readonly #cookie: string;
  readonly #underway = new Map<Promise<void>, string>();
  #isStopped = false;
  readonly #loops: Promise<void>[];
  readonly failures: string[] = [];
  read = 0;
  written = 0;

  constructor(site: string, cookie: string) {
    this.#site = site;
    this.#cookie = cookie;
    const paths = ['/', '/archive', '/user/author'];
    this.#loops = [
      this.#repeat((n) => this.#send(paths[n % paths.length] ?? '/', { headers: { cookie } })),
      this.#repeat((n) => this.#send(`/?before=${MAX_POSITION - n}`)),
      this.#repeat((n) => this.#post(n)),
    ];
  }

  /** Sends requests to another process. Resolves when the one before has answered all of its own. */
  async moveTo(site: string): Promise<void> {
    const before = this.#site;
    this.#site = site;
    await Promise.all([...this.#underway].filter(([, to]) => to === before).map(([request]) => request));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }

  async #repeat(request: (n: number) => Promise<void>): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const sent = request(n);
      this.#underway.set(sent, this.#site);
      await sent;
      this.#underway.delete(sent);
      await sleep(100);
    }
  }

  async #send(path: string, options: RequestInit = {}): Promise<void> {
    const method = options.method ?? 'GET';
    try {
      const response = await fetch(`${this.#site}${path}`, { redirect: 'manual', ...options });
      await response.arrayBuffer();
      if (response.status !== (method === 'GET' ? 200 : 303))
        this.failures.push(`${method} ${path}: ${response.status}`);
      else if (method === 'GET') this.read += 1;
      else this.written += 1;
    } catch (error) {
      this.failures.push(`${method} ${path}: ${error instanceof Error ? error.cause : error}`);
    }
  }

  #post(n: number): Promise<void> {
    const body = new URLSearchParams({ body: `Post ${n}` });
    return this.#send('/', { method: 'POST', body, headers: { cookie: this.#cookie } });
  }
}

/** A release whose deadlines are long, because a busy machine must not fail the test. Returns its folder. */
async function makePatientRelease(t: Test, migrations: Sources = {}): Promise<string> {
  const folder = await makeRelease(t, migrations);
  await edit(t, join(folder, 'src/config.ts'), /Ms: [\d_]+/g, 'Ms: 60_000');
  await edit(t, join(folder, 'src/database/gate.ts'), /MAX_WAIT_MS = [\d_]+/, 'MAX_WAIT_MS = 60_000');
  return folder;
}

/**
 * The next release writes a language with each post. It expands what this release can live with, and then contracts, which
 * the publishing of this release would not survive.
 */
async function makeNextRelease(t: Test) {
  const folder = await makePatientRelease(t, {
    '9001_languages': migration(
      'expand',
      `alter table posts add column language text;
       create table languages (code text primary key, user_id integer references users on delete cascade);`,
    ),
    '9002_languages_index': migration(
      'expand',
      'create index concurrently if not exists posts_language_idx on posts (language, id)',
      { concurrently: true },
    ),
    '9003_languages_required': migration(
      'contract',
      `update posts set language = 'en' where language is null;
       alter table posts alter column language set not null;`,
    ),
  });
  const publishing = join(folder, 'src/domain/posts/write.ts');
  await edit(t, publishing, '...postColumns(writing),', "...postColumns(writing), language: 'en',");
  const { migrateToLatest }: typeof import('../../scripts/support/migrate.ts') = await import(
    join(folder, 'scripts/support/migrate.ts')
  );
  return { folder, migrateToLatest };
}

async function edit(t: Test, file: string, from: string | RegExp, to: string): Promise<void> {
  const source = await readFile(file, 'utf8');
  t.match(source, from);
  await writeFile(file, source.replace(from, to));
}

t.test('a release replaces another under load: no request fails, no job is lost or done twice', async (t) => {
  const smtp = await catchMail(t, { delayMs: 200 });
  const url = await createDatabase(t);
  const env = {
    DATABASE_URL: url,
    SMTP_URL: smtp.url,
    WORKER_CONCURRENCY: '3',
    RATE_LIMITS: 'off',
    PORT: '0',
  };
  const app = await build(t, env, { role: 'command' });
  await sql`
    insert into users (email, username, password_hash, role)
    select 'u' || n || '@example.com', 'u' || n, 'x', 'User' from generate_series(1, ${BATCH}::int) as n
  `.execute(app.db);
  const author = await createUser(app, { username: 'author' });
  await writePosts(app, author);
  const cookie = `session=${await startSession(app.db, { userId: author.id, isRemembered: true })}`;
  const old = await makePatientRelease(t);
  const next = await makeNextRelease(t);

  const startServer = async (release: string) => {
    const running = start(t, [join(release, 'src/server.ts'), '--with-worker'], env);
    await running.prints(/Server listening at http:\S+?"/);
    return { running, site: /Server listening at (http:[^"]+)"/.exec(running.output)?.[1] ?? '' };
  };
  let current = await startServer(old);
  const processes = [current.running];
  const visitors = new Visitors(current.site, cookie);
  const load = keepBusy(app);
  const replaceBy = async (release: string) => {
    const [before, { sent, mails }] = [current, { sent: visitors.written, mails: smtp.mails.length }];
    current = await startServer(release);
    processes.push(current.running);
    await visitors.moveTo(current.site);
    t.equal(await before.running.end('SIGTERM'), 0);
    await waitFor(() => visitors.written > sent + 5 && smtp.mails.length > mails, 'the new one is at work');
  };
  const lines: string[] = [];
  const migrate = async () => {
    await next.migrateToLatest(url, (line) => lines.push(line));
    return lines.splice(0);
  };

  const backup = await app.db.startTransaction().execute();
  await sql`select from posts`.execute(backup);
  const migrating = migrate();
  await waitFor(() => lines.length > 0, 'the migration has not got its lock');
  await backup.rollback().execute();
  t.match(await migrating, [
    /^Migration 9001_languages needs a lock that is taken/,
    'applied   9001_languages',
    'applied   9002_languages_index',
    'waits     9003_languages_required',
    /they are running: pennypost web-and-worker \d{4}/,
  ]);
  await sql`update pgboss.version set version = version + 1`.execute(app.db);
  await replaceBy(old); // The old release restarts on the schema of the new one.
  await replaceBy(next.folder);
  const connected = () => olderProcesses(app.db, '9003_languages_required');
  await waitFor(
    async () => (await connected()).length === 0,
    'PostgreSQL has noticed the end of the old one',
  );
  t.match(await migrate(), ['applied   9003_languages_required', 'The schema is current: 1 applied.']);
  const written = visitors.written;
  await waitFor(() => visitors.written > written + 5, 'the new release writes');

  await visitors.stop();
  const sent = await load.stop();
  const completed = () => jobsOf(app, mailQueue, ['completed']);
  await waitFor(async () => (await completed()).length === sent, 'all are sent');
  t.same(visitors.failures, []);
  if (visitors.failures.length > 0) for (const { output } of processes) t.comment(output);
  t.ok(visitors.read > visitors.written / 2);
  const { rows } = await sql<{ posts: number }>`select count(*)::int as posts from posts`.execute(app.db);
  t.equal(rows[0]?.posts, 1 + visitors.written, 'every post is there');
  t.equal(smtp.mails.length, sent, 'no mail twice');
  t.equal(new Set(smtp.mails.map(({ messageId }) => messageId)).size, sent);
  const failed = app.db.selectFrom('job_attempts').selectAll().where('outcome', '<>', 'handed back');
  t.same(await failed.execute(), []);
  t.ok((await completed()).every(({ retryCount }) => retryCount === 0));
});
