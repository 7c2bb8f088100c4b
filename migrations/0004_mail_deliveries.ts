import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mail_deliveries (
      job_id uuid primary key,
      user_id integer not null references users on delete cascade,
      template text not null,
      message_id text not null,
      sent_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`create index mail_deliveries_user_id_idx on mail_deliveries (user_id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table mail_deliveries`.execute(db);
}
