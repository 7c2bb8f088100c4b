import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { mailQueue } from '../../src/queues.ts';
import { AppProcess } from '../support/app-process.ts';
import { seed } from '../support/seed.ts';
import { renewSecrets, SENDERS, type Secrets } from './accounts.ts';
import { type Harvest, harvest } from './harvest.ts';
import { collectRoutes, type FuzzRoute } from './routes.ts';

const AMOUNTS = { users: 60, posts: 120, comments: 400, follows: 300, seed: 1 };

/** What is logged when a busy machine sheds requests with 503. */
const SHED = /"msg":"the database is unavailable"/;

/** High enough for most requests to get past the limits, and low enough for some to be refused. */
const LIMITS = Object.keys(DEFAULT_LIMITS)
  .map((action) => `${action}=8/minute`)
  .join(',');

/** A seeded site with a real web process, and a worker that runs the jobs that requests cause. */
export class FuzzSite {
  readonly routes: readonly FuzzRoute[];
  harvest: Harvest = { forms: [], parameters: new Map(), queries: [] };
  secrets: Secrets = { headers: new Map(), ids: new Map(), tokens: new Map() };
  readonly #app: FastifyInstance;
  readonly #env: Readonly<Record<string, string>>;
  #web: AppProcess | undefined;
  #worker: AppProcess | undefined;

  private constructor(app: FastifyInstance, routes: readonly FuzzRoute[], env: Record<string, string>) {
    this.#app = app;
    this.#env = env;
    this.routes = routes;
  }

  /** @param databaseUrl of a migrated database that is empty, or that an earlier run has filled */
  static async open(databaseUrl: string): Promise<FuzzSite> {
    const env = {
      DATABASE_URL: databaseUrl,
      DATA_DIR: await mkdtemp(join(tmpdir(), 'pennypost-fuzz-')),
      LOG_LEVEL: 'warn',
      // A proxy's headers are read, and so can be fuzzed.
      TRUST_PROXY: 'true',
      CORS_ORIGINS: 'https://friend.example',
      SECURITY_CONTACT: 'mailto:security@example.com',
      ADMIN_EMAIL: 'boss@example.com',
      ACCOUNT_LIMITS: LIMITS,
    };
    const app = buildApp(loadConfig({ ...env, LOG_LEVEL: 'silent' }), { role: 'command' });
    const routes = collectRoutes(app);
    const site = new FuzzSite(app, routes, env);
    try {
      await app.ready();
      await fillSite(app);
      await site.restart();
      await site.renew();
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  /** Reads pages as several people, so that random requests can be like valid ones. */
  async explore(): Promise<void> {
    this.harvest = await harvest(this.web.url, this.routes, this.secrets);
  }

  /** What the processes have logged as errors since the last call, except for requests that were shed. */
  takeComplaints(): string[] {
    const lines = [this.#web, this.#worker].flatMap((one) => one?.complaints.splice(0) ?? []);
    return lines.filter((line) => !SHED.test(line));
  }

  /** The name of a process that has ended, if one has. */
  get ended(): string | undefined {
    return [this.#web, this.#worker].find((one) => one?.hasExited)?.name;
  }

  /** The web process. */
  get web(): AppProcess {
    if (this.#web === undefined) throw new Error('the web process has not been started');
    return this.#web;
  }

  /** Gives everyone new credentials: requests log out, change passwords and revoke tokens. */
  async renew(): Promise<void> {
    await this.#app.db.deleteFrom('paused_queues').execute();
    this.secrets = await renewSecrets(this.#app);
  }

  /** Starts the processes, also after one has ended. */
  async restart(): Promise<void> {
    if (this.#web === undefined || this.#web.hasExited)
      this.#web = await AppProcess.start('server', this.#env);
    if (this.#worker === undefined || this.#worker.hasExited)
      this.#worker = await AppProcess.start('worker', this.#env);
  }

  async close(): Promise<void> {
    await this.#web?.stop();
    await this.#worker?.stop();
    await this.#app.close();
    await rm(this.#env.DATA_DIR ?? '', { recursive: true, force: true });
  }
}

/** Adds posts, people, jobs and a mail, unless an earlier run has. */
async function fillSite({ db, queue, config }: FastifyInstance): Promise<void> {
  if (await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) return;
  await seed(db, AMOUNTS);
  for (let userId = 1; userId <= SENDERS; userId += 1)
    await queue.send(mailQueue, { template: 'confirm-account', userId }, { db });
  const mailbox = join(config.dataDir, 'mailbox');
  await mkdir(mailbox, { recursive: true });
  await writeFile(join(mailbox, 'one.eml'), 'Content-Type: text/html\r\n\r\n<p>Hello</p>\r\n');
}
