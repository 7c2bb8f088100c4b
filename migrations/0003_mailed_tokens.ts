import { type Kysely, sql } from 'kysely';

/**
 * The links that mails carry, and the addresses that a link to reset a password was asked for: whether one has an
 * account is found out when the mail is written, so that asking takes the same time for all.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mailed_tokens (
      token_hash bytea primary key,
      user_id integer not null references users on delete cascade,
      purpose text not null,
      sent_to text,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    )
  `.execute(db);
  await sql`create index mailed_tokens_user_id_idx on mailed_tokens (user_id)`.execute(db);
  await sql`create index mailed_tokens_expires_at_idx on mailed_tokens (expires_at)`.execute(db);
  await sql`
    create table password_resets (
      id integer generated always as identity primary key,
      email text not null check (length(email) between 1 and 254),
      created_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`create index password_resets_created_at_idx on password_resets (created_at)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table password_resets, mailed_tokens`.execute(db);
}
