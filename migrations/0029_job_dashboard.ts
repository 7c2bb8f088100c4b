import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/** What the job dashboard shows: history for charts, workers' health, reports of jobs, and who may see it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
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

    create index job_attempts_unsuccessful_idx on job_attempts (queue, ended_at) where outcome in ('failed', 'timed out', 'given up');

    alter table workers
      add column version text not null default '',
      add column memory_bytes bigint,
      add column loop_delay_ms double precision,
      add column is_draining boolean not null default false;

    alter table users
      drop constraint users_role_check,
      add constraint users_role_check
        check (role in ('User', 'Viewer', 'Operator', 'Moderator', 'Administrator')) not valid;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    update users set role = 'User' where role in ('Viewer', 'Operator');
    alter table users
      drop constraint users_role_check,
      add constraint users_role_check check (role in ('User', 'Moderator', 'Administrator'));
    alter table workers drop column version, drop column memory_bytes, drop column loop_delay_ms, drop column is_draining;
    drop index job_attempts_unsuccessful_idx;
    drop table job_reports, job_history;
  `.execute(db);
}
