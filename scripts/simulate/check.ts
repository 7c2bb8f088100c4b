import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import autocannon from 'autocannon';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { cursorOf } from '../../src/domain/posts/position.ts';
import { withCluster } from '../bench/cluster.ts';
import { openSite, type Site as RealSite, SCALES } from '../bench/site.ts';
import { percentile } from '../bench/table.ts';
import { COSTS, type Cost, type Kind } from './costs.ts';
import { type Life, Simulation, Station } from './simulation.ts';
import { type Request, Site } from './site.ts';

/** What connections ask for, in turn. */
const MIX: readonly Request[] = ['visitor', 'visitor', 'member', 'visitor', 'member', 'visitor', 'write'];

/** The mix through a few connections says how slow the machine is; through many, it is predicted. */
const FEW_CONNECTIONS = 4;
const CONNECTIONS = 16;
const WARM_UP_SECONDS = 1;
const SECONDS = 4;
const ROUNDS = 3;

/** Each step divides the error by at least the share of the time that is not work, so this leaves less than a percent. */
const FITTING_STEPS = 6;

/** How far a prediction may be from what is measured. */
export const TOLERANCE = 0.25;

/** A web process's connections for ordinary pages, of ten: the rest is for log-in, health checks and the queue. */
const PAGE_CONNECTIONS = 6;

/** Throughput in requests a second, and a quantile of their times in milliseconds. */
interface Point {
  readonly rate: number;
  readonly p95: number;
}

export interface Check {
  readonly costs: MeasuredCosts;
  /** How much longer work takes than its CPU time, because of other work on the machine and what the model leaves out. */
  readonly slowness: number;
  /** The share of the cores that programs other than ours used while the mix was measured. */
  readonly others: number;
  readonly measured: Point;
  readonly predicted: Point;
  readonly isClose: boolean;
}

type Measured = Exclude<Kind, 'mail'>;

/** Also the CPU that a request costs this process, and requests a second. */
type MeasuredCost = Cost & { readonly client: number; readonly rate: number };

type MeasuredCosts = Readonly<Record<Measured, MeasuredCost>>;

/** Measures what requests cost a web process of this machine, loads it with a mix of them, and predicts the same. */
export async function check(): Promise<Check> {
  let result: Check | undefined;
  await withCluster(undefined, async (databaseUrl) => {
    const site = await openSite(await databaseUrl('simulate'), SCALES.small);
    try {
      const requests = await requestsOf(site);
      const costOfKind = async (kind: Measured): Promise<MeasuredCost> => ({
        ...(await costOf(site, (connection) => requests(kind, connection))),
        statements: COSTS[kind].statements,
      });
      const costs: MeasuredCosts = {
        hit: await costOfKind('hit'),
        visitor: await costOfKind('visitor'),
        member: await costOfKind('member'),
        write: await costOfKind('write'),
      };
      const mix = (connection: number) => mixed(requests, connection);
      const few: Point[] = [];
      const many: Point[] = [];
      const others: number[] = [];
      // In turn, so that other work on the machine disturbs both.
      for (let round = 0; round < ROUNDS; round += 1) {
        few.push(pointOf(await load(site, FEW_CONNECTIONS, mix)));
        const loaded = await load(site, CONNECTIONS, mix);
        many.push(pointOf(loaded));
        others.push(loaded.others);
      }
      const measured = medianOf(many);
      const slowness = fitSlowness(costs, medianOf(few));
      const predicted = predict(costs, CONNECTIONS, slowness);
      const isClose = [measured.rate / predicted.rate, measured.p95 / predicted.p95].every(
        (ratio) => Math.abs(ratio - 1) <= TOLERANCE,
      );
      result = { costs, slowness, others: percentile(others, 0.5), measured, predicted, isClose };
    } finally {
      await site.close();
    }
  });
  if (result === undefined) throw new Error('nothing was measured');
  return result;
}

/** Makes a function that lists what a connection asks for. Writers do not share an account or a post. */
async function requestsOf({ app, target }: RealSite) {
  const users = await app.db
    .selectFrom('users')
    .select(['id', 'password_hash as passwordHash'])
    .orderBy('id')
    .limit(CONNECTIONS)
    .execute();
  const tokens = await Promise.all(users.map((user) => issueToken(app.db, user)));
  // Not the oldest, so that all pages before one of them are full.
  const posts = await app.db
    .selectFrom('posts')
    .select(['id', cursorOf('posts')])
    .orderBy('id')
    .offset(100)
    .execute();
  const { cookie } = target('/', 'few').headers ?? {};

  return (kind: Measured | Request, connection: number): autocannon.Request[] => {
    if (kind === 'hit') return [{ path: '/' }];
    if (kind === 'member') return [{ path: '/', headers: { cookie } }];
    if (kind === 'visitor')
      return posts
        .filter((_, index) => index % CONNECTIONS === connection)
        .map(({ cursor }) => ({ path: `/?before=${cursor}` }));
    const headers = {
      authorization: `Bearer ${tokens[connection]}`,
      'content-type': 'application/json',
    };
    const path = `/api/v1/posts/${posts[connection]?.id}/comments/`;
    return [{ method: 'POST', path, headers, body: JSON.stringify({ body: 'Written under *load*.' }) }];
  };
}

/** The mix, in which all visitors ask for the same page. Each connection begins elsewhere. */
function mixed(requests: Awaited<ReturnType<typeof requestsOf>>, connection: number): autocannon.Request[] {
  const first = connection % MIX.length;
  const kinds = [...MIX.slice(first), ...MIX.slice(0, first)];
  return kinds.flatMap((kind) => requests(kind === 'visitor' ? 'hit' : kind, connection));
}

async function costOf(site: RealSite, requests: (connection: number) => autocannon.Request[]) {
  const alone = await load(site, 1, requests);
  const { times, process, database, client } = await load(site, CONNECTIONS, requests);
  const count = times.length;
  const mean = alone.times.reduce((sum, time) => sum + time, 0) / alone.times.length;
  const cost = { process: process / count, database: database / count, client: client / count };
  const wait = Math.max(0, mean - cost.process - cost.database - cost.client);
  return { ...cost, wait, rate: count / SECONDS };
}

/**
 * Loads the web process.
 *
 * @returns each request's time and the CPU that all took, in milliseconds, and the share of the cores that others used
 */
async function load(
  site: RealSite,
  connections: number,
  requests: (connection: number) => autocannon.Request[],
) {
  await shoot(site, connections, requests, WARM_UP_SECONDS);
  const before = await usage(site);
  const times = await shoot(site, connections, requests, SECONDS);
  const after = await usage(site);
  const used = {
    process: after.process - before.process,
    client: after.client - before.client,
    // Connections that were closed in the meantime are lost.
    database: [...after.database].reduce((sum, [pid, ms]) => sum + ms - (before.database.get(pid) ?? 0), 0),
  };
  const ours = used.process + used.client + used.database;
  return {
    times,
    ...used,
    others: Math.max(0, after.machine - before.machine - ours) / (availableParallelism() * SECONDS * 1_000),
  };
}

async function shoot(
  { target }: RealSite,
  connections: number,
  requests: (connection: number) => autocannon.Request[],
  duration: number,
): Promise<number[]> {
  const times: number[] = [];
  let connection = 0;
  const { url } = target('');
  const setupClient = (client: autocannon.Client) => client.setRequests(requests(connection++));
  await new Promise<void>((resolve, reject) => {
    const instance = autocannon({ url, connections, duration, setupClient }, (error, result) => {
      const failed = result.non2xx + result.errors + result.timeouts;
      if (error !== null) reject(error);
      else if (failed > 0)
        reject(new Error(`${failed} requests were not answered with 2xx. Is the machine busy?`));
      else resolve();
    });
    instance.on('response', (_client, _status, _bytes, time) => times.push(time));
  });
  return times;
}

/** CPU so far, in milliseconds, for PostgreSQL by process. */
async function usage({ app, web }: RealSite) {
  const { rows } = await app.pool.query<{ pid: number }>('select pid from pg_stat_activity');
  const database = await Promise.all(rows.map(async ({ pid }) => [pid, await cpuOf(pid)] as const));
  return {
    process: Number(await web.ask('cpu')),
    database: new Map(database),
    client: cpu(process.cpuUsage()),
    machine: cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0),
  };
}

const cpu = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1_000;

/** A process's CPU in milliseconds, from Linux's ticks of 10 ms. 0 if it has ended. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
  return (user + system) * 10;
}

function pointOf({ times }: { readonly times: readonly number[] }): Point {
  return { rate: times.length / SECONDS, p95: percentile(times, 0.95) };
}

function medianOf(points: readonly Point[]): Point {
  const of = (key: keyof Point) =>
    percentile(
      points.map((point) => point[key]),
      0.5,
    );
  return { rate: of('rate'), p95: of('p95') };
}

/** Finds the slowness with which the prediction for a few connections has the measured throughput. */
function fitSlowness(costs: MeasuredCosts, { rate }: Point): number {
  let slowness = 1;
  for (let step = 0; step < FITTING_STEPS; step += 1)
    slowness *= predict(costs, FEW_CONNECTIONS, slowness).rate / rate;
  return slowness;
}

/** Simulates this machine: one web process, PostgreSQL and the clients on its cores. */
function predict(costs: MeasuredCosts, connections: number, slowness: number): Point {
  const simulation = new Simulation(1);
  const machines = {
    webProcesses: 1,
    workers: 0,
    connections: PAGE_CONNECTIONS,
    primaryCores: PAGE_CONNECTIONS,
    replicaCores: 0,
    sharedCores: availableParallelism(),
  };
  const slower = (cost: Cost): Cost => ({
    ...cost,
    process: cost.process * slowness,
    database: cost.database * slowness,
  });
  const { hit, visitor, member, write } = costs;
  const site = new Site(simulation, machines, {
    hit: slower(hit),
    visitor: slower(visitor),
    member: slower(member),
    write: slower(write),
    mail: { process: 0, database: 0, wait: 0, statements: 0 },
  });
  const client = new Station(1);
  const times: number[] = [];
  function* connection(first: number): Life {
    for (let turn = first; ; turn += 1) {
      const kind = MIX[turn % MIX.length] ?? 'visitor';
      const clientMs = (costs[kind].client * slowness) / 2;
      const startedAt = simulation.now;
      yield* site.work(client, clientMs);
      yield* site.request(kind, 0);
      yield* site.work(client, clientMs);
      times.push(simulation.now - startedAt);
    }
  }
  for (let first = 0; first < connections; first += 1) simulation.start(connection(first));
  simulation.runUntil(WARM_UP_SECONDS * 1_000);
  times.length = 0;
  simulation.runUntil((WARM_UP_SECONDS + SECONDS) * 1_000);
  return pointOf({ times });
}
