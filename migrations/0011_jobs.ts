import { type Kysely, sql } from 'kysely';

/** What the queue itself does not keep: every attempt at a job, who works, what is paused, who did what. */
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
    )
  `.execute(db);
  await sql`create index job_attempts_job_id_idx on job_attempts (job_id)`.execute(db);
  await sql`create index job_attempts_started_at_idx on job_attempts using brin (started_at)`.execute(db);
  await sql`
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
    )
  `.execute(db);
  await sql`create index workers_seen_at_idx on workers (seen_at)`.execute(db);
  await sql`
    create table paused_queues (
      queue text primary key,
      paused_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`
    create table job_audit_log (
      id integer generated always as identity primary key,
      at timestamptz not null default now(),
      user_id integer references users on delete set null,
      username text not null,
      action text not null,
      subject text not null
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table job_attempts, workers, paused_queues, job_audit_log`.execute(db);
}
