import { type Kysely, sql } from 'kysely';
import { createQueueTables, dropQueueTables } from '../src/queue/create-tables.ts';

export const kind = 'expand';

/** The queue's own tables, and alarms. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createQueueTables(db);
  await sql`
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
  await sql`drop table alarms`.execute(db);
  await dropQueueTables(db);
}
