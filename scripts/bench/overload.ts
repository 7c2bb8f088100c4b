import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { identifyByToken } from '../../src/domain/api-tokens/identify.ts';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import type { Target } from './load.ts';
import { openSite, SCALES, type Site } from './site.ts';
import { type Bench, percentile, type Row } from './table.ts';

/** Numbers of connections to find the fewest that saturate a process. */
const LOADS = [8, 16, 32, 64];

/** A load within this share of the best one's throughput saturates the process too. */
const SATURATION = 0.95;

const OVERLOAD = 5;
const SECONDS = 3;
const WARM_UP_SECONDS = 2;

/** For the requests that were in flight at the end. */
const SETTLE_MS = 500;

/** How often the health check is asked, as by an impatient load balancer. */
const PROBE_MS = 20;

/** Compares what a process serves at five times the load that saturates it with its peak, while asking whether it lives. */
export async function benchOverload({ databaseUrl }: Bench): Promise<Row[]> {
  const site = await openSite(await databaseUrl('pages_small'), SCALES.small);
  try {
    const rows: Row[] = [];
    for (const [what, target] of await targetsOf(site)) rows.push(...(await overload(site, what, target)));
    return rows;
  } finally {
    await site.close();
  }
}

async function targetsOf(site: Site): Promise<[string, Target][]> {
  const { id, password_hash: passwordHash } = await site.app.db
    .selectFrom('users')
    .select(['id', 'password_hash'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  const token = await issueToken(site.app.db, { id, passwordHash });
  await identifyByToken(site.app.db, token); // Its first use is recorded.
  return [
    ['home, anonymous', site.target('/')],
    ['home, signed in', site.target('/', 'few')],
    [
      'GET /api/v1/posts/',
      { ...site.target('/api/v1/posts/'), headers: { authorization: `Bearer ${token}` } },
    ],
  ];
}

async function overload(site: Site, what: string, target: Target): Promise<Row[]> {
  await load(target, 16, WARM_UP_SECONDS);
  const rates = new Map<number, number>();
  for (const connections of LOADS) rates.set(connections, (await load(target, connections, SECONDS)).rate);
  const peak = Math.max(...rates.values());
  const saturating = LOADS.find((connections) => (rates.get(connections) ?? 0) >= SATURATION * peak) ?? 1;

  const stop = new AbortController();
  const health = probe(site.target('/health/live'), stop.signal);
  const { rate, p50, p99, refused } = await load(target, OVERLOAD * saturating, SECONDS);
  stop.abort();
  const delays = await health;
  const reference = { what: `the peak, at ${saturating} connections`, value: peak };
  const live = { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) };
  return [
    {
      what: `${what}, ${OVERLOAD * saturating} connections`,
      value: rate,
      unit: '2xx/s',
      p50,
      p99,
      reference,
    },
    { what: `${what}, refused`, value: refused, unit: '503/s' },
    { what: `${what}, /health/live`, value: live.p99, unit: 'ms (p99)', ...live },
  ];
}

/** Loads a target from its own threads. Rates are per second. */
async function load({ url, headers }: Target, connections: number, duration: number) {
  const result = await autocannon({
    url,
    connections,
    duration,
    workers: 1,
    ...(headers && { headers: { ...headers } }),
  });
  await sleep(SETTLE_MS);
  const unanswered = result.errors + result.timeouts;
  if (unanswered > 0) throw new Error(`${unanswered} requests to ${url} were not answered`);
  return {
    rate: result['2xx'] / result.duration,
    refused: result.non2xx / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
  };
}

/** Sends requests repeatedly. Returns how long each answer took, in milliseconds. */
async function probe({ url }: Target, signal: AbortSignal): Promise<number[]> {
  const delays: number[] = [];
  while (!signal.aborted) {
    const startedAt = performance.now();
    const response = await fetch(url);
    await response.text();
    if (!response.ok) throw new Error(`${url} answered ${response.status} under load`);
    delays.push(performance.now() - startedAt);
    await sleep(PROBE_MS);
  }
  return delays;
}
