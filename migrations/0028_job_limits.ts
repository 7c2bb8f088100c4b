import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/** Limits by rate, and queues that wait because a service gets too much. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table job_attempts drop constraint job_attempts_outcome_check, add constraint job_attempts_outcome_check
      check (outcome in ('failed', 'timed out', 'given up', 'handed back', 'deferred')) not valid;

    create table job_limits (
      queue text not null,
      key text not null check (length(key) <= 255),
      rate text not null check (rate ~ '^[1-9][0-9]{0,6}/(second|minute|hour|day)$'),
      primary key (queue, key)
    );
    comment on table job_limits is
      'How many jobs may start, by the choice of an Operator. The key is that of the jobs, such as a recipient''s domain; '
      '* is every other key by itself, and the empty key is the whole queue.';

    create table job_rates (
      queue text not null,
      key text not null,
      full_at double precision not null default 0,
      line_until double precision not null default 0,
      bulk_line_until double precision not null default 0,
      primary key (queue, key)
    ) with (fillfactor = 50);
    comment on table job_rates is
      'The token buckets of limits that are in use: when a bucket is full again, and the times of the last jobs that wait for '
      'it, in seconds since 1970. A row whose times are all past means nothing.';

    create table queue_breakers (
      queue text primary key,
      opened_at timestamptz not null default now(),
      reason text not null,
      probe_at timestamptz not null,
      probe_job uuid,
      probes integer not null default 0
    );
    comment on table queue_breakers is
      'Queues whose jobs wait because the service that they need has asked for it: why, when one job is tried next, and which '
      'one is being tried.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table queue_breakers, job_rates, job_limits;
    update job_attempts set outcome = 'handed back' where outcome = 'deferred';
    alter table job_attempts drop constraint job_attempts_outcome_check, add constraint job_attempts_outcome_check
      check (outcome in ('failed', 'timed out', 'given up', 'handed back')) not valid;
  `.execute(db);
}
