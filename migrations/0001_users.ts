import { type Kysely, sql } from 'kysely';

/**
 * An address belongs to the account that has confirmed it. Any number of others may have registered with it, so that
 * registering tells nobody whether it is taken.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table users (
      id integer generated always as identity primary key,
      email text not null check (length(email) between 1 and 254),
      username text not null check (username ~ '^[A-Za-z][A-Za-z0-9_.]*$' and length(username) <= 64),
      password_hash text not null,
      role text not null check (role in ('User', 'Moderator', 'Administrator')),
      confirmed_at timestamptz,
      created_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`create unique index users_email_key on users (lower(email)) where confirmed_at is not null`.execute(
    db,
  );
  await sql`create index users_unconfirmed_email_idx on users (lower(email), id) where confirmed_at is null`.execute(
    db,
  );
  await sql`create unique index users_username_key on users (lower(username))`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table users`.execute(db);
}
