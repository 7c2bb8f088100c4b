import { type Kysely, sql } from 'kysely';

/** An address somebody wants to move to. The mail and its token name this row; neither carries the address. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table email_changes (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      new_email text not null check (length(new_email) between 1 and 254),
      created_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`create index email_changes_user_id_idx on email_changes (user_id)`.execute(db);
  await sql`
    alter table mailed_tokens
      add email_change_id integer references email_changes on delete cascade
  `.execute(db);
  await sql`create index mailed_tokens_email_change_id_idx on mailed_tokens (email_change_id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table mailed_tokens drop email_change_id`.execute(db);
  await sql`drop table email_changes`.execute(db);
}
