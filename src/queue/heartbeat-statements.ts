import type pg from 'pg';
import { type ClaimKey, isSameClaim } from './claim-key.ts';
import type { RunningJob } from './tables.ts';

// The heartbeat's statements. They use node-postgres alone, because Kysely would take the thread too long to load.

/**
 * SQL condition: a `claim` still holds its `job`. The attempt's number is not enough, because handing back does not change it.
 */
export const IS_HELD = `job.name = claim.queue and job.id = claim.id and state = 'active'
      and date_trunc('milliseconds', started_on) = claim.claimed_at`;

const KEEP_CLAIMS = `
  update pgboss.job set heartbeat_on = pgboss.job_now()
  from unnest($1::text[], $2::uuid[], $3::timestamptz[]) as claim (queue, id, claimed_at)
  where ${IS_HELD}
  returning job.id as "jobId", claim.claimed_at as "claimedAt"`;

/** What currently keeps workers from fetching jobs. */
export interface Restraints {
  /** Paused queues. */
  readonly paused: readonly string[];
  /** Queues that wait because a service has asked them to. */
  readonly broken: readonly string[];
  readonly limits: readonly { readonly queue: string; readonly key: string; readonly rate: string }[];
}

/** Reads `Restraints`. */
export const RESTRAINTS = `
  select array(select queue from paused_queues) as paused, array(select queue from queue_breakers) as broken,
    (select coalesce(jsonb_agg(job_limits order by queue, key), '[]') from job_limits) as limits`;

const BEAT = `
  with beat as (
    update workers
    set seen_at = now(), running = $2::jsonb, fetched_at = case when $3 then now() else fetched_at end,
      memory_bytes = $4, loop_delay_ms = $5
    where id = $1
    returning is_draining
  )${RESTRAINTS},
    coalesce((select is_draining from beat), false) as "isDraining"`;

/**
 * Records a heartbeat of claimed jobs, so that they are not taken for a dead worker's.
 *
 * @returns the lost claims: the job was settled, cancelled or taken by another worker
 */
export async function keepClaims<Claim extends ClaimKey>(
  pool: pg.Pool,
  claims: readonly Claim[],
): Promise<Claim[]> {
  if (claims.length === 0) return [];
  const { rows } = await pool.query<ClaimKey>({
    name: 'keep-claims',
    text: KEEP_CLAIMS,
    values: [
      claims.map(({ queue }) => queue),
      claims.map(({ jobId }) => jobId),
      claims.map(({ claimedAt }) => claimedAt),
    ],
  });
  return claims.filter((claim) => !rows.some((kept) => isSameClaim(kept, claim)));
}

/** An operator's orders to a worker. */
export interface Orders extends Restraints {
  /** Whether to stop taking jobs. */
  readonly isDraining: boolean;
}

/** Reports that a worker is alive, with its health and running jobs. Returns its orders. */
export async function beat(
  pool: pg.Pool,
  id: number,
  {
    running,
    hasPolled,
    memoryBytes,
    loopDelayMs,
  }: { running: readonly RunningJob[]; hasPolled: boolean; memoryBytes: number; loopDelayMs: number },
): Promise<Orders | undefined> {
  const { rows } = await pool.query<Orders>({
    name: 'beat',
    text: BEAT,
    values: [id, JSON.stringify(running), hasPolled, memoryBytes, loopDelayMs],
  });
  return rows[0];
}
