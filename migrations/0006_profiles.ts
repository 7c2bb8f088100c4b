import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users
      add name text not null default '' check (length(name) <= 64),
      add location text not null default '' check (length(location) <= 64),
      add about_me text not null default '' check (length(about_me) <= 2000),
      add last_seen_at timestamptz not null default now(),
      add avatar_seed uuid not null default gen_random_uuid()
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users
      drop name, drop location, drop about_me, drop last_seen_at, drop avatar_seed
  `.execute(db);
}
