import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { Helper } from './helper.ts';
import { SCALES, seedOnce } from './site.ts';
import { type Bench, percentile, type Row } from './table.ts';

const WRITERS = [1, 16, 64];
const ROUNDS = 3;
const ROUND_SECONDS = 3;
const SAMPLE_MS = 50;

/** An account that publishes, and comments on a post that nobody else comments on. */
interface Writer {
  readonly id: number;
  readonly token: string;
  readonly postId: number;
}

const KINDS = { publishing: 'posts', commenting: 'comments' } as const;

/** Compares publishing and commenting through the API with writing the same rows, and the same jobs, with node-postgres alone. */
export async function benchWrites({ databaseUrl }: Bench): Promise<Row[]> {
  const env = {
    DATABASE_URL: await databaseUrl('writes'),
    SMTP_URL: 'smtp://127.0.0.1:1',
    LOG_LEVEL: 'error',
    RATE_LIMITS: 'off',
  };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  await seedOnce(app.db, SCALES.small);
  const writers = await findWriters(app);
  const web = await Helper.start('web', env);
  const bare = await Helper.start('bare-writer', env);
  try {
    const url = `${await web.ask('url')}/api/v1`;
    const rows: Row[] = [];
    for (const [kind, table] of Object.entries(KINDS)) {
      for (const count of WRITERS)
        rows.push(...(await compare({ app, url, bare }, { kind, table, writers, count })));
    }
    return rows;
  } finally {
    await web.stop();
    await bare.stop();
    await app.close();
  }
}

interface Sides {
  readonly app: FastifyInstance;
  /** The API's URL. */
  readonly url: string;
  readonly bare: Helper;
}

interface Task {
  readonly kind: string;
  readonly table: 'posts' | 'comments';
  readonly writers: readonly Writer[];
  readonly count: number;
}

async function compare({ app, url, bare }: Sides, { kind, table, writers, count }: Task): Promise<Row[]> {
  const working = writers.slice(0, count);
  const rates: number[] = [];
  const references: number[] = [];
  const times: number[] = [];
  const waits: string[] = [];
  let samples = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const sampler = new LockSampler(app);
    const answered = await writeThroughApi(url, table, working).finally(() => sampler.stop());
    const sampled = await sampler.stop();
    const inserted = Number(await bare.ask(JSON.stringify({ table, working, seconds: ROUND_SECONDS })));
    if (round === 0) continue; // Warm-up.
    rates.push(answered.length / ROUND_SECONDS);
    references.push(inserted / ROUND_SECONDS);
    times.push(...answered);
    waits.push(...sampled.waits);
    samples += sampled.count;
  }
  for (const wait of new Set(waits)) console.error(`${kind}: waited for a lock: ${wait}`);
  return [
    {
      what: `${kind}, ${count} at once`,
      value: percentile(rates, 0.5),
      unit: `${table}/s`,
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      reference: { what: 'the same rows by pg alone', value: percentile(references, 0.5) },
    },
    { what: `  waits for a lock in ${samples} samples`, value: waits.length, unit: '' },
  ];
}

/** Returns how long each write took, in milliseconds. */
async function writeThroughApi(
  url: string,
  table: Task['table'],
  writers: readonly Writer[],
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: writers.length });
  const endsAt = performance.now() + ROUND_SECONDS * 1000;
  const times: number[] = [];
  const write = async ({ token, postId }: Writer) => {
    const path = table === 'posts' ? '/posts/' : `/posts/${postId}/comments/`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    for (let startedAt = performance.now(); startedAt < endsAt; startedAt = performance.now()) {
      const sent = request(url + path, { method: 'POST', agent, headers });
      sent.end(JSON.stringify({ body: `Written at ${startedAt}, *as fast as it goes*.` }));
      const [response]: IncomingMessage[] = await once(sent, 'response');
      if (response?.statusCode !== 201) throw new Error(`${path} responded with ${response?.statusCode}`);
      await once(response.resume(), 'end');
      times.push(performance.now() - startedAt);
    }
  };
  await Promise.all(writers.map(write));
  agent.destroy();
  return times;
}

/** Samples what PostgreSQL's backends wait for. */
class LockSampler {
  readonly #waits: string[] = [];
  #count = 0;
  #isStopped = false;
  readonly #sampling: Promise<void>;

  constructor(app: FastifyInstance) {
    this.#sampling = this.#sample(app);
  }

  async stop(): Promise<{ waits: readonly string[]; count: number }> {
    this.#isStopped = true;
    await this.#sampling;
    return { waits: this.#waits, count: this.#count };
  }

  async #sample({ pool }: FastifyInstance): Promise<void> {
    while (!this.#isStopped) {
      const { rows } = await pool.query<{ wait: string }>(`
        select wait_event || ' in ' || query as wait from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
      `);
      this.#waits.push(...rows.map(({ wait }) => wait));
      this.#count += 1;
      await sleep(SAMPLE_MS);
    }
  }
}

async function findWriters({ db }: FastifyInstance): Promise<Writer[]> {
  const most = Math.max(...WRITERS);
  const users = await db
    .selectFrom('users')
    .select(['id', 'password_hash as passwordHash'])
    .limit(most)
    .execute();
  const posts = await db.selectFrom('posts').select('id').orderBy('id').limit(most).execute();
  return Promise.all(
    users.map(async ({ id, passwordHash }, index) => ({
      id,
      token: await issueToken(db, { id, passwordHash }),
      postId: posts[index]?.id ?? 0,
    })),
  );
}
