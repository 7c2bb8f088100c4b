import { type Kysely, sql } from 'kysely';

/** Errors that somebody is told of, and how long jobs take, counted over all workers. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table alarms (
      id integer generated always as identity primary key,
      fingerprint text not null unique,
      title text not null,
      message text not null,
      reference text not null,
      mailed_at timestamptz not null default now(),
      since_then integer not null default 0
    )
  `.execute(db);
  await sql`
    create table job_durations (
      queue text not null,
      bucket double precision not null,
      jobs bigint not null,
      seconds double precision not null,
      primary key (queue, bucket)
    )
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table alarms, job_durations`.execute(db);
}
