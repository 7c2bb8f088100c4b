import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/** What pg-boss does not store: attempts, workers, paused queues, batches and operators' actions. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table job_attempts (
      id bigint generated always as identity primary key,
      job_id uuid not null,
      queue text not null,
      attempt integer not null check (attempt >= 1),
      worker text not null,
      started_at timestamptz not null default now(),
      ended_at timestamptz,
      outcome text check (outcome in ('failed', 'timed out', 'given up', 'handed back')),
      error text,
      check ((ended_at is null) = (outcome is null))
    );
    comment on table job_attempts is
      'Attempts at jobs. Only unsuccessful ones have an end and an outcome.';
    create index job_attempts_job_id_idx on job_attempts (job_id);
    create index job_attempts_started_at_idx on job_attempts using brin (started_at);

    create table job_durations (
      queue text not null,
      bucket double precision not null,
      jobs bigint not null,
      seconds double precision not null,
      primary key (queue, bucket)
    );
    comment on table job_durations is
      'A histogram of job durations, across all workers. A bucket is its upper bound in seconds.';

    create table job_latencies (like job_durations including all);
    comment on table job_latencies is
      'The same for how long jobs took from being enqueued to being completed, retries included.';

    create table workers (
      id integer generated always as identity primary key,
      name text not null,
      queues text[] not null,
      concurrency integer not null,
      started_at timestamptz not null default now(),
      seen_at timestamptz not null default now(),
      fetched_at timestamptz not null default now(),
      stopped_at timestamptz,
      running jsonb not null default '[]'
    );
    comment on table workers is 'Worker processes, when they were last seen, and the jobs they are running.';
    create index workers_seen_at_idx on workers (seen_at);

    create table paused_queues (
      queue text primary key,
      paused_at timestamptz not null default now()
    );
    comment on table paused_queues is 'Queues from which no worker takes jobs until an Administrator resumes them.';

    create table job_schedules (
      queue text,
      name text,
      rule text not null,
      time_zone text not null,
      next_at timestamptz,
      paused_at timestamptz,
      last_job_id uuid,
      primary key (queue, name)
    );
    comment on table job_schedules is
      'When jobs are enqueued automatically. The rule and its time zone are those of the contract; next_at is null if the rule '
      'has ended. Only an Operator pauses a schedule.';

    create table job_batches (
      id uuid primary key,
      queue text not null,
      job_id uuid not null,
      members integer not null default 0,
      created_at timestamptz not null default now(),
      closed_at timestamptz,
      ended_at timestamptz
    );
    comment on table job_batches is
      'Jobs whose end starts another: which one, how many there are, when there were all of them, and when all had ended. '
      'The jobs have its id beside their payload.';
    create index job_batches_waiting_idx on job_batches (id) where ended_at is null;
    create index job_batches_job_id_idx on job_batches (job_id);

    create table job_audit_log (
      id integer generated always as identity primary key,
      at timestamptz not null default now(),
      user_id integer references users on delete set null,
      username text not null,
      action text not null,
      subject text not null
    );
    comment on table job_audit_log is 'What Administrators did to jobs and queues.';

    create table alarms (
      id integer generated always as identity primary key,
      fingerprint text not null unique,
      title text not null,
      message text not null,
      reference text not null,
      mailed_at timestamptz not null default now(),
      since_then integer not null default 0
    );
    comment on table alarms is
      'Errors reported to ADMIN_EMAIL, one row per kind, and how often each has occurred since the last mail.';
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table alarms, job_audit_log, job_batches, job_schedules, paused_queues, workers, job_latencies, job_durations, job_attempts`.execute(
    db,
  );
}
