import { type QueryExecutorProvider, sql } from 'kysely';

const ATTEMPTS = sql`
  create table job_attempts (
    id bigint generated always as identity primary key,
    job_id uuid not null,
    queue text not null,
    attempt integer not null check (attempt >= 1),
    worker text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    outcome text check (outcome in ('failed', 'timed out', 'given up', 'handed back', 'deferred')),
    error text,
    check ((ended_at is null) = (outcome is null))
  );
  comment on table job_attempts is
    'Attempts at jobs. Only unsuccessful ones have an end and an outcome.';
  create index job_attempts_job_id_idx on job_attempts (job_id);
  create index job_attempts_started_at_idx on job_attempts using brin (started_at);
  create index job_attempts_unsuccessful_idx on job_attempts (queue, ended_at)
    where outcome in ('failed', 'timed out', 'given up');
`;

const DURATIONS = sql`
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
`;

const WORKERS = sql`
  create table workers (
    id integer generated always as identity primary key,
    name text not null,
    queues text[] not null,
    concurrency integer not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    fetched_at timestamptz not null default now(),
    stopped_at timestamptz,
    running jsonb not null default '[]',
    version text not null default '',
    memory_bytes bigint,
    loop_delay_ms double precision,
    is_draining boolean not null default false
  );
  comment on table workers is 'Worker processes, when they were last seen, and the jobs they are running.';
  create index workers_seen_at_idx on workers (seen_at);

  create table paused_queues (
    queue text primary key,
    paused_at timestamptz not null default now()
  );
  comment on table paused_queues is 'Queues from which no worker takes jobs until an operator resumes them.';
`;

const SCHEDULES = sql`
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
    'has ended. Only an operator pauses a schedule.';
`;

const BATCHES = sql`
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
`;

const AUDIT_LOG = sql`
  create table job_audit_log (
    id integer generated always as identity primary key,
    at timestamptz not null default now(),
    username text not null,
    action text not null,
    subject text not null
  );
  comment on table job_audit_log is 'What operators did to jobs and queues.';
`;

const LIMITS = sql`
  create table job_limits (
    queue text not null,
    key text not null check (length(key) <= 255),
    rate text not null check (rate ~ '^[1-9][0-9]{0,6}/(second|minute|hour|day)$'),
    primary key (queue, key)
  );
  comment on table job_limits is
    'How many jobs may start, by the choice of an operator. The key is that of the jobs, such as a recipient''s domain; '
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
`;

const HISTORY = sql`
  create table job_history (
    step_seconds integer not null,
    at timestamptz not null,
    queue text not null,
    ready integer not null,
    completed integer not null,
    retried integer not null,
    failed integer not null,
    wait_bins integer[],
    run_bins integer[],
    primary key (step_seconds, at, queue)
  );
  comment on table job_history is
    'Each queue''s numbers by minute, quarter of an hour and two hours, of which the longer are made of the shorter: the '
    'most ready jobs, the jobs that ended, the attempts that will be retried, and pg-boss''s histograms of how long jobs '
    'waited and ran. Steps in which nothing happened have no row.';
`;

const REPORTS = sql`
  create table job_reports (
    job_id uuid primary key,
    done integer,
    total integer,
    words text check (length(words) <= 200),
    lines jsonb not null default '[]',
    updated_at timestamptz not null default now(),
    check (done >= 0 and total >= 0)
  );
  comment on table job_reports is 'What running jobs tell about themselves: their progress, and their newest log lines.';
  create index job_reports_updated_at_idx on job_reports (updated_at);
`;

/**
 * Creates the queue's tables, for what pg-boss does not store: attempts, workers, limits, operators' actions and so on. An
 * application's migration calls it, or else `migrateQueue` does. It is frozen once released: a later change is a separate function.
 */
export async function createQueueTables(db: QueryExecutorProvider): Promise<void> {
  const parts = [ATTEMPTS, DURATIONS, WORKERS, SCHEDULES, BATCHES, AUDIT_LOG, LIMITS, HISTORY, REPORTS];
  for (const part of parts) await part.execute(db);
}

/** Drops the queue's tables. */
export async function dropQueueTables(db: QueryExecutorProvider): Promise<void> {
  await sql`
    drop table job_reports, job_history, queue_breakers, job_rates, job_limits, job_audit_log, job_batches, job_schedules, paused_queues,
      workers, job_latencies, job_durations, job_attempts
  `.execute(db);
}
