import { parseArgs } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { startSession } from '../src/domain/sessions/start.ts';
import { ConfigError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { areaUnderCurve, standardError } from './bench/area-under-curve.ts';
import { withCluster } from './bench/cluster.ts';
import { Helper } from './bench/helper.ts';
import { percentile } from './bench/table.ts';
import { seed } from './support/seed.ts';

/** The largest accepted AUC: at 0.5 response times reveal nothing, at 1 everything. */
const MAX_AUC = 0.55;

/** Requests of each kind before measuring. */
const WARM_UP = 50;

/** The password of all seeded people. */
const PASSWORD = 'password';
const WRONG = 'a wrong password';

/** Sends a request about an address. `number` is different each time, for values that must be unique. */
type Ask = (email: string, number: number) => Promise<Response>;

interface Site {
  readonly url: string;
  /** The cookie of a logged-in user. */
  readonly cookie: string;
}

/**
 * `npm run audit:timing`: measures whether response times reveal that an address has an account. Prints how reliably known and
 * unknown addresses can be told apart, and exits with 1 if too reliably. `--samples N` is the number of requests of each kind.
 */
await runMain(async () => {
  const { values } = parseArgs({ options: { samples: { type: 'string', default: '400' } } });
  const samples = Number(values.samples);
  if (!Number.isInteger(samples) || samples < 1) {
    throw new ConfigError([`--samples: "${values.samples}" is not accepted; give a whole number above 0`]);
  }
  await withCluster(undefined, async (databaseUrl) => {
    const env = {
      DATABASE_URL: await databaseUrl('timing'),
      SMTP_URL: 'smtp://127.0.0.1:1',
      LOG_LEVEL: 'error',
      RATE_LIMITS: 'off',
    };
    const cookie = await fillSite(buildApp(loadConfig(env), { role: 'command' }), samples + WARM_UP + 1);
    const web = await Helper.start('web', env);
    try {
      const site = { url: String(await web.ask('url')), cookie };
      await audit(requestsTo(site), samples);
    } finally {
      await web.stop();
    }
  });
});

/** Seeds people and logs the first one in. Returns the cookie. */
async function fillSite(app: FastifyInstance, users: number): Promise<string> {
  try {
    await app.ready();
    await seed(app.db, { users, posts: 0, comments: 0, follows: 0, seed: 1 });
    const { id } = await app.db.selectFrom('users').select('id').orderBy('id').executeTakeFirstOrThrow();
    return `session=${await startSession(app.db, { userId: id, isRemembered: false })}`;
  } finally {
    await app.close();
  }
}

function requestsTo({ url, cookie }: Site): Readonly<Record<string, Ask>> {
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { 'sec-fetch-site': 'same-origin', ...headers },
      redirect: 'manual',
    });
  const chosen = { password: 'a fresh choice', password2: 'a fresh choice' };
  return {
    register: (email, number) => post('/auth/register', { email, username: `fresh${number}`, ...chosen }),
    'log in': (email) => post('/auth/login', { email, password: WRONG }),
    'reset the password': (email) => post('/auth/reset', { email }),
    'change the address': (email) => post('/auth/change-email', { email, password: PASSWORD }, { cookie }),
    'API, Basic': (email) => {
      const authorization = `Basic ${Buffer.from(`${email}:${WRONG}`).toString('base64')}`;
      return fetch(`${url}/api/v1/posts/`, { headers: { authorization } });
    },
  };
}

async function audit(requests: Readonly<Record<string, Ask>>, samples: number): Promise<void> {
  const results: Record<string, Record<string, number>> = {};
  for (const [what, ask] of Object.entries(requests)) {
    const { known, unknown } = await measure(ask, samples);
    const area = areaUnderCurve(known, unknown);
    if (area > MAX_AUC) process.exitCode = 1;
    results[what] = {
      AUC: rounded(area, 3),
      'known, median ms': rounded(percentile(known, 0.5), 2),
      'unknown, median ms': rounded(percentile(unknown, 0.5), 2),
    };
  }
  console.table(results);
  console.log(
    `${samples} requests each for known and unknown addresses. If response times do not differ, the AUC is 0.5,` +
      ` with a standard error of ${standardError(samples, samples).toFixed(3)}; at most ${MAX_AUC} is accepted.`,
  );
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/**
 * Requests known and unknown addresses in random order, one at a time.
 *
 * @returns the response times, in milliseconds
 */
async function measure(ask: Ask, samples: number): Promise<Record<'known' | 'unknown', number[]>> {
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
  const statuses = new Set<number>();
  let number = 0;
  const time = async (kind: 'known' | 'unknown', which: number): Promise<number> => {
    number += 1;
    // Skips the first user, who is logged in. All addresses have the same length.
    const email = `${kind === 'known' ? 'user' : 'none'}${which + 2}@example.com`;
    const startedAt = performance.now();
    const response = await ask(email, number);
    await response.arrayBuffer();
    statuses.add(response.status);
    return performance.now() - startedAt;
  };
  const inTurn = (from: number, to: number) =>
    shuffled(
      Array.from({ length: to - from }, (_, index) => from + index).flatMap((which) => [
        { kind: 'known' as const, which },
        { kind: 'unknown' as const, which },
      ]),
    );
  for (const { kind, which } of inTurn(0, WARM_UP)) await time(kind, which);
  for (const { kind, which } of inTurn(WARM_UP, WARM_UP + samples)) {
    times[kind].push(await time(kind, which));
  }
  if (statuses.size !== 1)
    throw new Error(`the responses differ in their status: ${[...statuses].join(', ')}`);
  return times;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, position: Math.random() }))
    .sort((a, b) => a.position - b.position)
    .map(({ item }) => item);
}
