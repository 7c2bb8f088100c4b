import fc from 'fast-check';
import { type Point, slopeOf } from '../support/regression.ts';
import { findFaults } from './check.ts';
import { faultsOfRaw, type RawRequest, rawRequests, sendRaw } from './raw.ts';
import { httpRequests } from './requests.ts';
import type { HttpRequest } from './send.ts';
import { sendHttp } from './send.ts';
import type { FuzzSite } from './site.ts';

export type FuzzRequest = HttpRequest | RawRequest;

/** Requests that are sent at once. */
const BATCH = 60;

/** Batches before everyone gets new credentials. */
const BATCHES_PER_ROUND = 20;

/** Batches sent to find the smallest one that fails. */
const MAX_SHRINKS = 200;

/** A broken promise. */
export interface Finding {
  readonly faults: readonly string[];
  /** Replays it: the seed and path of fast-check. */
  readonly replay: string;
  /** The fewest requests that show it. */
  readonly requests: readonly FuzzRequest[];
}

export interface Report {
  readonly findings: readonly Finding[];
  readonly sent: number;
  readonly seconds: number;
  /** Answers by status; `-` for none, to bytes or to a head that is too large. */
  readonly statuses: ReadonlyMap<string, number>;
  /** Routes that answered at least one request with success. */
  readonly reached: ReadonlySet<string>;
  readonly slowestMs: number;
  readonly memory: Memory;
}

/** The web process's memory, in bytes. */
export interface Memory {
  /** Resident after 40 % of the requests, when it is warm, and at the end. */
  readonly warm: number;
  readonly end: number;
  /** Growth per 10,000 requests in between. */
  readonly slope: number;
  /** What was left after a collection at both times. */
  readonly liveWarm: number;
  readonly liveEnd: number;
}

const WARM = 0.4;

/** Sends random requests to a site and checks every answer. */
export class Fuzzer {
  readonly #site: FuzzSite;
  readonly #deadlineMs: number;
  readonly #batches: fc.Arbitrary<FuzzRequest[]>;
  readonly #statuses = new Map<string, number>();
  readonly #reached = new Set<string>();
  readonly #known = new Set<string>();
  #sent = 0;
  #slowestMs = 0;

  /** @param options.deadlineMs how long the site may take to respond */
  constructor(site: FuzzSite, { deadlineMs }: { deadlineMs: number }) {
    this.#site = site;
    this.#deadlineMs = deadlineMs;
    const request: fc.Arbitrary<FuzzRequest> = fc.oneof(
      { weight: 9, arbitrary: httpRequests(site.routes, site.harvest) },
      { weight: 1, arbitrary: rawRequests(site.routes) },
    );
    const times = fc.oneof(
      { weight: 12, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 2, max: 8 }) },
    );
    // As after a double click, the same request is sometimes sent several times at once.
    this.#batches = fc
      .array(fc.tuple(request, times), { minLength: 1, maxLength: BATCH, size: 'max' })
      .map((some) => some.flatMap(([one, count]) => Array.from({ length: count }, () => one)));
  }

  /** Sends at least this many requests. Goes on after a finding, so that one run shows all of them. */
  async run(
    { requests, seed }: { requests: number; seed: number },
    log: (line: string) => void,
  ): Promise<Report> {
    const startedAt = performance.now();
    const findings: Finding[] = [];
    const memory: Point[] = [];
    let liveWarm = 0;
    for (let round = seed; this.#sent < requests; round += 1) {
      const finding = await this.#runRound({ seed: round, numRuns: BATCHES_PER_ROUND, endsAt: requests });
      if (finding !== undefined) {
        findings.push(finding);
        log(`${finding.faults.join('; ')}\n  --replay ${finding.replay}\n  ${abbreviate(finding.requests)}`);
      }
      if (this.#site.ended !== undefined) await this.#site.restart();
      memory.push({ x: this.#sent, y: (await this.#site.web.resources()).rss });
      if (liveWarm === 0 && this.#sent >= WARM * requests) liveWarm = await this.#site.web.liveHeap();
      await this.#site.renew();
    }
    return {
      findings,
      sent: this.#sent,
      seconds: (performance.now() - startedAt) / 1000,
      statuses: this.#statuses,
      reached: this.#reached,
      slowestMs: this.#slowestMs,
      memory: { ...summarise(memory), liveWarm, liveEnd: await this.#site.web.liveHeap() },
    };
  }

  /** Runs one batch again by its seed and path. */
  async replay(seed: number, path: string): Promise<Finding | undefined> {
    return this.#runRound({ seed, path, numRuns: BATCHES_PER_ROUND, endOnFailure: true });
  }

  /** Sends requests at once. Returns what is wrong. */
  async send(requests: readonly FuzzRequest[]): Promise<string[]> {
    this.#sent += requests.length;
    const found = await Promise.all(requests.map((request) => this.#sendOne(request)));
    const { ended } = this.#site;
    const complaints = this.#site.takeComplaints().map((line) => `the log: ${line.slice(0, 1_000)}`);
    const exit = ended === undefined ? [] : [`the ${ended} process ended`];
    return [...new Set([...found.flat(), ...exit, ...complaints])];
  }

  async #runRound({
    endsAt = Number.POSITIVE_INFINITY,
    ...parameters
  }: fc.Parameters<unknown> & { endsAt?: number }) {
    let shrinks = 0;
    let faults: string[] = [];
    const property = fc.asyncProperty(this.#batches, async (batch) => {
      if (shrinks > MAX_SHRINKS || this.#sent >= endsAt) return;
      if (shrinks > 0) shrinks += 1;
      if (this.#site.ended !== undefined) await this.#site.restart();
      const unknown = (await this.send(batch)).filter((fault) => !this.#known.has(signatureOf(fault)));
      if (unknown.length === 0) return;
      shrinks = Math.max(1, shrinks);
      faults = unknown;
      throw new Error(unknown.join('\n'));
    });
    const { failed, seed, counterexamplePath, counterexample } = await fc.check(
      property,
      parameters as fc.Parameters<[FuzzRequest[]]>,
    );
    if (!failed) return undefined;
    for (const fault of faults) this.#known.add(signatureOf(fault));
    return { faults, replay: `${seed}:${counterexamplePath}`, requests: counterexample?.[0] ?? [] };
  }

  async #sendOne(request: FuzzRequest): Promise<string[]> {
    const target = { port: this.#site.web.port, deadlineMs: this.#deadlineMs };
    if ('pieces' in request) {
      const answer = await sendRaw(target, request);
      this.#count(/^HTTP\/1\.1 (\d{3})/.exec(answer.received)?.[1] ?? '-');
      return faultsOfRaw(answer).map((fault) => `raw bytes: ${fault}`);
    }
    const { method, route } = request;
    try {
      const answer = await sendHttp(target, request, this.#site.secrets);
      this.#count(answer === undefined ? '-' : String(answer.status));
      if (answer === undefined) return [];
      this.#slowestMs = Math.max(this.#slowestMs, answer.ms);
      if (answer.status < 400 && route.startsWith(`${method} `)) this.#reached.add(route);
      return (await findFaults(answer, method)).map((fault) => `${method} of ${route}: ${fault}`);
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? error.code : error;
      return [`${method} of ${route}: no answer (${reason})`];
    }
  }

  #count(status: string): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }
}

/** What makes two faults the same: everything but numbers and ids. */
function signatureOf(fault: string): string {
  return fault.replaceAll(/"(?:time|pid|reqId)":[^,]+|[\da-f-]{36}|\d{4,}/g, '');
}

function summarise(memory: readonly Point[]): Pick<Memory, 'warm' | 'end' | 'slope'> {
  const at = (share: number) => Math.floor(memory.length * share);
  return {
    warm: medianOf(memory.slice(at(WARM), at(WARM + 0.2))),
    end: medianOf(memory.slice(at(0.8))),
    slope: slopeOf(memory.slice(at(WARM))) * 10_000,
  };
}

function medianOf(points: readonly { y: number }[]): number {
  const sorted = points.map(({ y }) => y).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function abbreviate(requests: readonly FuzzRequest[]): string {
  const text = JSON.stringify(requests);
  return text.length > 1_500 ? `${text.slice(0, 1_500)}…` : text;
}
