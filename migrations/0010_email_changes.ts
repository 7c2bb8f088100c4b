import { type Kysely, sql } from 'kysely';

/**
 * A change of address, asked for or completed. The mails and their tokens name this row; none carries an address. The
 * old address is kept so that its owner can undo the change.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table email_changes (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      new_email text not null check (length(new_email) between 1 and 254),
      old_email text,
      created_at timestamptz not null default now(),
      completed_at timestamptz,
      check ((old_email is null) = (completed_at is null))
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
