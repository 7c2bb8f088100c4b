import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { hashToken } from '../../src/domain/token.ts';
import { DEFAULT_SECONDS, type End, type Fault } from './fault.ts';
import { type Acknowledged, KINDS, type Load, type Probe } from './load.ts';
import { DATABASE, type Site } from './site.ts';

/** What happened during a fault. */
export interface Measured {
  /** All requests from the cause to the recovery. */
  readonly probes: readonly Probe[];
  readonly acknowledged: number;
  readonly lost: number;
  /** Writes that were done twice. */
  readonly doubled: number;
  readonly mails: number;
  readonly mailsLost: number;
  readonly mailsTwice: number;
  readonly jobsLost: number;
  /** Milliseconds from the end of the cause; undefined if it did not recover. */
  readonly recoveredMs: number | undefined;
  /** Broken promises of this fault alone. */
  readonly broken: readonly string[];
}

/** The longest wait for the recovery, and for all jobs to be done. */
const RECOVERY_LIMIT_MS = 90_000;
const SETTLING_LIMIT_MS = 60_000;
const POLL_MS = 50;

/** The pace of a run. */
export interface Pace {
  /** Overrides how long each fault lasts. */
  readonly seconds?: number | undefined;
  /** The site has recovered if nothing has failed for this long. */
  readonly calmMs: number;
  /** On a busy machine everything takes longer, and some requests are refused although nothing is broken. */
  readonly isPatient: boolean;
}

/** Breaks the site, repairs it, waits until it has recovered, and checks what is left. */
export async function measure(fault: Fault, site: Site, load: Load, pace: Pace): Promise<Measured> {
  const restore: End | undefined = await fault.prepare?.(site);
  await recovery(site, load, { endedAt: performance.now(), calmMs: 300 }); // The site must be healthy first.
  for (const process of Object.values(site.processes)) process.output = '';
  const { since } = await clock(site);
  const causedAt = performance.now();
  const end: End | undefined = await fault.cause(site);
  if (fault.seconds !== 0) await sleep((pace.seconds ?? fault.seconds ?? DEFAULT_SECONDS) * 1000);
  await end?.();
  const endedAt = performance.now();
  const recoveredMs = await recovery(site, load, { endedAt, calmMs: pace.calmMs });
  const until = performance.now();
  await settle(site, load, { since, until });
  const checked = (await fault.check?.(site, { load, causedAt, endedAt })) ?? [];
  await restore?.();
  const broken = [
    ...checked,
    ...site.complaints.splice(0),
    ...unexpectedErrors(site),
    ...(await explain(site, missing(site, load, until))),
  ];
  // Includes what was acknowledged just before the fault.
  const acknowledged = load.acknowledged.filter(({ at }) => at >= load.checkedUntil && at < until);
  const arrivals = countMails(site, load, { causedAt, until });
  load.checkedUntil = until;
  return {
    probes: load.between(causedAt, recoveredMs === undefined ? until : endedAt + recoveredMs),
    acknowledged: acknowledged.length,
    ...(await countWrites(site, acknowledged)),
    ...arrivals,
    jobsLost: await countUnfinished(site, { since, until }),
    recoveredMs,
    broken,
  };
}

async function clock({ postgres }: Site): Promise<{ since: Date }> {
  const [row] = await postgres.query<{ since: Date }>('select now() as since');
  if (row === undefined) throw new Error('the database has no clock');
  return row;
}

/**
 * Waits for the recovery: each kind of request has succeeded, a new mail has arrived, and nothing fails.
 *
 * @returns the milliseconds until the last failure or first success
 */
async function recovery(
  site: Site,
  load: Load,
  { endedAt, calmMs }: { endedAt: number; calmMs: number },
): Promise<number | undefined> {
  while (performance.now() - endedAt < RECOVERY_LIMIT_MS) {
    await sleep(POLL_MS);
    const now = performance.now();
    const after = load.probes.filter(({ startedAt }) => startedAt >= endedAt);
    const firsts = KINDS.map((kind) => after.find((probe) => probe.kind === kind && isGood(probe))?.endedAt);
    const last = Math.max(endedAt, ...after.filter((probe) => !isGood(probe)).map((probe) => probe.endedAt));
    const moments = [...firsts, firstMail(site, load, endedAt)].filter((moment) => moment !== undefined);
    const slowest = Math.min(now, ...[...load.underway].map(({ startedAt }) => startedAt));
    const well = Math.max(last, ...moments);
    if (moments.length === KINDS.length + 1 && now - last > calmMs && now - slowest < calmMs)
      return well - endedAt;
  }
  return undefined;
}

/** When the first mail arrived for somebody who signed up after a moment. */
function firstMail({ mail }: Site, load: Load, from: number): number | undefined {
  const since = new Set(
    load.acknowledged.flatMap(({ kind, value, at }) => (kind === 'account' && at > from ? [value] : [])),
  );
  return mail.accepted.find(({ to }) => since.has(to))?.at;
}

/** Waits until all mails have arrived and all jobs are done. Runs deferred jobs now, as an operator could. */
async function settle(
  site: Site,
  load: Load,
  { since, until }: { since: Date; until: number },
): Promise<void> {
  const { app } = site;
  for (const startedAt = performance.now(); performance.now() - startedAt < SETTLING_LIMIT_MS; ) {
    const isDone =
      (await countUnfinished(site, { since, until })) === 0 && missing(site, load, until).length === 0;
    if (isDone) return;
    await app.queueAdmin.act(app.db, 'run', { queues: ['mail', 'exports'] });
    await sleep(10 * POLL_MS);
  }
}

/** The jobs of a period that are not done, and dead letters. */
async function countUnfinished(
  { app }: Site,
  { since, until }: { since: Date; until: number },
): Promise<number> {
  const age = (performance.now() - until) / 1000;
  const { rows } = await sql<{ count: number }>`
    select count(*)::int from pgboss.job
    where name in ('mail', 'exports', 'mail.dead', 'exports.dead') and created_on >= ${since}
      and state in ('created', 'retry', 'active') and created_on < now() - make_interval(secs => ${age})
  `.execute(app.db);
  return rows[0]?.count ?? 0;
}

/** Accounts that signed up since the last fault and have no mail. */
function missing({ mail }: Site, { acknowledged, checkedUntil }: Load, until: number): Acknowledged[] {
  const arrived = new Set(mail.accepted.map(({ to }) => to));
  return acknowledged.filter(
    ({ kind, value, at }) => kind === 'account' && at >= checkedUntil && at < until && !arrived.has(value),
  );
}

/** The state of the jobs whose mails have not arrived. */
async function explain({ app }: Site, accounts: readonly Acknowledged[]): Promise<string[]> {
  const { rows } = await sql<{ email: string; job: unknown }>`
    select email, to_jsonb(job.*) as job from users
    left join pgboss.job on job.name in ('mail', 'mail.dead') and job.data->>'userId' = users.id::text
    where email = any(${accounts.map(({ value }) => value)}::text[])
  `.execute(app.db);
  return rows.map(({ email, job }) => `no mail to ${email}, by this job: ${JSON.stringify(job)}`);
}

function countMails(site: Site, load: Load, { causedAt, until }: { causedAt: number; until: number }) {
  const [before, arrived] = [true, false].map((isBefore) =>
    site.mail.accepted.flatMap(({ at, messageId }) => (at < causedAt === isBefore ? [messageId] : [])),
  ) as [string[], string[]];
  const fresh = new Set(arrived).difference(new Set(before));
  return {
    mails: fresh.size,
    mailsLost: missing(site, load, until).length,
    mailsTwice: arrived.length - fresh.size,
  };
}

/** The errors that the processes have logged, each once. An outage is not logged as one. */
function unexpectedErrors({ processes }: Site): string[] {
  const lines = Object.values(processes).flatMap(({ output }) => output.split('\n'));
  const failed = lines.filter((line) => line.includes('"msg":"request failed"'));
  return [...new Set(failed.map((line) => `an error was logged: ${JSON.parse(line).err.message}`))];
}

/** Looks for everything that was acknowledged. */
async function countWrites({ postgres }: Site, acknowledged: readonly Acknowledged[]) {
  let [lost, doubled] = [0, 0];
  for (const [kind, list] of Map.groupBy(acknowledged, (one) => one.kind)) {
    const values = list.map(({ value }) => (kind === 'session' ? hashToken(value) : value));
    const rows = await postgres.query<{ value: string; count: number }>(FIND[kind], [values], DATABASE);
    lost += values.length - rows.length;
    doubled += rows.filter(({ count }) => count > 1).length;
  }
  return { lost, doubled };
}

const FIND: Record<Acknowledged['kind'], string> = {
  post: 'select body as value, count(*)::int from posts where body = any($1::text[]) group by 1',
  comment: 'select body as value, count(*)::int from comments where body = any($1::text[]) group by 1',
  session: 'select token_hash as value, 1 as count from sessions where token_hash = any($1::bytea[])',
  account: 'select email as value, count(*)::int from users where email = any($1::text[]) group by 1',
};

/** Whether a request succeeded with fresh content. */
export function isGood({ status, isStale }: Probe): boolean {
  return status >= 200 && status < 400 && !isStale;
}
