import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table sessions (
      token_hash bytea primary key,
      user_id integer references users on delete cascade,
      is_remembered boolean not null default false,
      flash text[] not null default '{}',
      created_at timestamptz not null default now(),
      verified_at timestamptz not null default now(),
      expires_at timestamptz not null
    )
  `.execute(db);
  await sql`create index sessions_user_id_idx on sessions (user_id)`.execute(db);
  await sql`create index sessions_expires_at_idx on sessions (expires_at)`.execute(db);
  await sql`
    create table known_browsers (
      user_id integer not null references users on delete cascade,
      token_hash bytea not null,
      created_at timestamptz not null default now(),
      last_used_at timestamptz not null default now(),
      primary key (user_id, token_hash)
    )
  `.execute(db);
  await sql`create index known_browsers_last_used_at_idx on known_browsers (last_used_at)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table known_browsers, sessions`.execute(db);
}
