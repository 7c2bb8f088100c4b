import type { Cost, Costs } from './costs.ts';
import { type Life, type Simulation, Station } from './simulation.ts';

/** What a site runs on. */
export interface Machines {
  readonly webProcesses: number;
  readonly workers: number;
  /** A web process's connections for ordinary pages. */
  readonly connections: number;
  readonly primaryCores: number;
  /** Of all replicas together; 0 for none. */
  readonly replicaCores: number;
  /** If everything runs on one machine, its cores; otherwise each process has one to itself. */
  readonly sharedCores?: number;
}

export type Request = 'visitor' | 'member' | 'write';

/** How long visitors see a page from the cache, as in src/config.ts. */
const CACHED_MS = 2_000;

/** A worker's jobs at once, and how long a mail server takes to accept a mail. */
const SLOTS = 10;
const SMTP_MS = 100;

/** The part of a time that is always the same; the rest varies randomly, with as long a tail. */
const STEADY = 0.5;

interface Rendered {
  readonly at: number;
  /** Those who wait for it, until it is there. */
  waiting: (() => void)[] | undefined;
}

class WebProcess {
  readonly loop = new Station(1);
  readonly connections: Station;
  readonly cache = new Map<number, Rendered>();
  /** When a member last changed something through it. */
  changedAt = -Infinity;

  constructor(connections: number) {
    this.connections = new Station(connections);
  }
}

/** The processes and lines of a site, and how requests and mails go through them. */
export class Site {
  readonly webs: readonly WebProcess[];
  readonly workers: readonly { readonly loop: Station; readonly slots: Station }[];
  readonly primary: Station;
  readonly replica: Station | undefined;
  readonly shared: Station | undefined;
  hits = 0;
  misses = 0;
  readonly #simulation: Simulation;
  readonly #costs: Costs;

  constructor(simulation: Simulation, machines: Machines, costs: Costs) {
    this.#simulation = simulation;
    this.#costs = costs;
    const { webProcesses, workers, connections, primaryCores, replicaCores, sharedCores } = machines;
    this.webs = Array.from({ length: webProcesses }, () => new WebProcess(connections));
    this.workers = Array.from({ length: workers }, () => ({
      loop: new Station(1),
      slots: new Station(SLOTS),
    }));
    this.primary = new Station(primaryCores);
    this.replica = replicaCores > 0 ? new Station(replicaCores) : undefined;
    this.shared = sharedCores === undefined ? undefined : new Station(sharedCores);
  }

  /** Goes to a random web process, as behind a load balancer that knows nothing. */
  *request(kind: Request, page: number): Life {
    const web = this.webs[Math.floor(this.#simulation.random() * this.webs.length)];
    if (web === undefined) return;
    if (kind === 'visitor') yield* this.#visit(web, page);
    else yield* this.#render(web, this.#costs[kind], this.primary);
    if (kind === 'write') web.changedAt = this.#simulation.now;
  }

  *mail(): Life {
    const worker = this.workers[Math.floor(this.#simulation.random() * this.workers.length)];
    if (worker === undefined) return;
    const { process, database } = this.#costs.mail;
    yield worker.slots.enter;
    yield* this.work(worker.loop, process / 2);
    yield* this.work(this.primary, database);
    yield this.#simulation.after(SMTP_MS);
    yield* this.work(worker.loop, process / 2);
    worker.slots.leave();
  }

  /** Takes a server's time, and a core's if there are fewer cores than servers. */
  *work(station: Station, ms: number): Life {
    yield station.enter;
    if (this.shared) yield this.shared.enter;
    const duration = ms * STEADY + this.#simulation.interval(ms * (1 - STEADY));
    yield this.#simulation.after(duration);
    station.busyMs += duration;
    this.shared?.leave();
    station.leave();
  }

  *#visit(web: WebProcess, page: number): Life {
    const { now } = this.#simulation;
    const found = web.cache.get(page);
    if (found !== undefined && found.at > web.changedAt && found.at > now - CACHED_MS) {
      this.hits += 1;
      if (found.waiting) yield (goOn) => found.waiting?.push(goOn);
      return yield* this.work(web.loop, this.#costs.hit.process);
    }
    this.misses += 1;
    const rendered: Rendered = { at: now, waiting: [] };
    web.cache.set(page, rendered);
    yield* this.#render(web, this.#costs.visitor, this.replica ?? this.primary);
    const waiting = rendered.waiting ?? [];
    rendered.waiting = undefined;
    for (const goOn of waiting) goOn();
  }

  *#render({ loop, connections }: WebProcess, cost: Cost, database: Station): Life {
    const { statements } = cost;
    for (let done = 0; done < statements; done += 1) {
      yield* this.work(loop, cost.process / (statements + 1));
      yield connections.enter;
      yield* this.work(database, cost.database / statements);
      yield this.#simulation.after(cost.wait / statements);
      connections.leave();
    }
    yield* this.work(loop, cost.process / (statements + 1));
  }
}
