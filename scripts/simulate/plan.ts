import { percentile } from '../bench/table.ts';
import { type Cost, type Costs, DISK_BYTES } from './costs.ts';
import { type Life, Simulation } from './simulation.ts';
import { type Machines, type Request, Site } from './site.ts';

/** What people do in a day. Assumed, not measured: `--activity` multiplies it. */
const HABITS = {
  /** The share of the members who come on a day, and what each does. */
  active: 0.1,
  pages: 20,
  posts: 0.2,
  comments: 0.5,
  follows: 0.3,
  mails: 0.6,
  logIns: 0.1,
  /** Pages that visitors and robots read for each that a member reads. */
  visits: 2,
  /** How much busier the busiest hour is than the average. */
  peak: 3,
  /** What a member has in the end, and the share who want the digest. */
  followed: 50,
  digest: 0.2,
} as const;

const DAY_SECONDS = 24 * 60 * 60;

/** As many as one primary should have. docs/scaling.md says why. */
const MEMBERS_PER_SITE = 10_000_000;

/** How busy a process and a core should be at most in the busiest hour. */
const BUSY = 0.5;

/** Of each, so that one can be restarted. */
const FEWEST = 2;

/** `DATABASE_POOL_MAX`, and how many of a web process's are for ordinary pages. */
const POOL = 10;
const PAGE_CONNECTIONS = 6;

/** A primary with more cores than this leaves pages for visitors to replicas. */
const PRIMARY_CORES = 16;

/** How many days rows are kept that are deleted some time (src/domain/prune.ts and src/queue/synchronise.ts). */
const KEPT_DAYS = { deliveries: 180, jobs: 7, attempts: 14 } as const;

/** How much to simulate: this many requests, but at most an hour. */
const REQUESTS = 100_000;
const MAX_SECONDS = 3_600;

/** In requests or mails a second, in the busiest hour. */
export type Rates = Readonly<Record<Request | 'mail', number>>;

/** What one of a site's shards needs and does. */
export interface Plan {
  readonly members: number;
  readonly shards: number;
  readonly rates: Rates;
  readonly machines: Machines;
  readonly connections: number;
  /** In bytes: after the first year, and what each further year adds. */
  readonly storage: { readonly firstYear: number; readonly eachYear: number };
  readonly digestHours: number;
}

/** How many processes, cores, connections and bytes a number of members needs. */
export function plan(members: number, costs: Costs, activity = 1): Plan {
  const shards = Math.ceil(members / MEMBERS_PER_SITE);
  const active = (members / shards) * HABITS.active * activity;
  const perSecond = (perDay: number) => (active * perDay * HABITS.peak) / DAY_SECONDS;
  const rates: Rates = {
    visitor: perSecond(HABITS.pages * HABITS.visits),
    member: perSecond(HABITS.pages),
    write: perSecond(HABITS.posts + HABITS.comments + HABITS.follows + HABITS.logIns),
    mail: perSecond(HABITS.mails),
  };
  const machines = machinesFor(rates, costs);
  return {
    members,
    shards,
    rates,
    machines,
    connections: (machines.webProcesses + machines.workers) * POOL,
    storage: storageOf(members / shards, active),
    digestHours:
      ((members / shards) * HABITS.digest * costs.mail.process) / machines.workers / (3_600 * 1_000),
  };
}

/** As if the cache had nothing, so that a change or a robot cannot bring the site down. */
function machinesFor(rates: Rates, costs: Costs): Machines {
  const cores = (kinds: readonly (Request | 'mail')[], part: keyof Cost) =>
    kinds.reduce((sum, kind) => sum + rates[kind] * costs[kind][part], 0) / 1_000 / BUSY;
  const primaryAlone = cores(['visitor', 'member', 'write', 'mail'], 'database');
  const isSplit = primaryAlone > PRIMARY_CORES;
  const primary = isSplit ? cores(['member', 'write', 'mail'], 'database') : primaryAlone;
  const atLeast = (needed: number) => Math.max(FEWEST, Math.ceil(needed));
  return {
    webProcesses: atLeast(cores(['visitor', 'member', 'write'], 'process')),
    workers: atLeast(cores(['mail'], 'process')),
    connections: PAGE_CONNECTIONS,
    primaryCores: atLeast(primary),
    replicaCores: isSplit ? atLeast(cores(['visitor'], 'database')) : 0,
  };
}

function storageOf(members: number, active: number): Plan['storage'] {
  const { users, follows, sessions, posts, comments, deliveries, jobs, attempts } = DISK_BYTES;
  const eachYear = active * 365 * (HABITS.posts * posts + HABITS.comments * comments);
  const { mails } = HABITS;
  const kept =
    mails * (KEPT_DAYS.deliveries * deliveries + KEPT_DAYS.jobs * jobs + KEPT_DAYS.attempts * attempts);
  const people = members * (users + sessions + HABITS.followed * follows);
  return { firstYear: people + active * kept + eachYear, eachYear };
}

/** What the simulation saw: pages' times in milliseconds, and how busy the busiest web process was. */
export interface Outcome {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly hitRate: number;
  readonly webBusy: number;
  readonly primaryBusy: number;
  readonly mailP99: number;
}

/** Simulates the busiest hour of one shard. */
export function simulate(
  { rates, machines, members, shards }: Plan,
  costs: Costs,
  requests = REQUESTS,
): Outcome {
  const simulation = new Simulation(1);
  const site = new Site(simulation, machines, costs);
  const pages = members / shards; // As many as a few months' posts.
  const times: number[] = [];
  const mailTimes: number[] = [];
  function* timed(life: Life, into: number[]): Life {
    const startedAt = simulation.now;
    yield* life;
    into.push(simulation.now - startedAt);
  }
  function* arrivals(kind: Request | 'mail'): Life {
    for (;;) {
      yield simulation.after(simulation.interval(1_000 / rates[kind]));
      // By Zipf's law: the n-th page is read 1/n times as often as the first.
      const page = Math.floor(pages ** simulation.random());
      if (kind === 'mail') simulation.start(timed(site.mail(), mailTimes));
      else simulation.start(timed(site.request(kind, page), times));
    }
  }
  for (const kind of ['visitor', 'member', 'write', 'mail'] as const) simulation.start(arrivals(kind));
  const rate = rates.visitor + rates.member + rates.write;
  const end = 1_000 * Math.min(MAX_SECONDS, requests / rate);
  simulation.runUntil(end);
  return {
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    p99: percentile(times, 0.99),
    hitRate: site.hits / Math.max(1, site.hits + site.misses),
    webBusy: Math.max(...site.webs.map(({ loop }) => loop.busyMs)) / end,
    primaryBusy: site.primary.busyMs / site.primary.servers / end,
    mailP99: percentile(mailTimes, 0.99),
  };
}
