import { type Kysely, sql } from 'kysely';

/** Everybody follows themselves, so that their own posts are among those of the people they follow. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table follows (
      follower_id integer not null references users on delete cascade,
      followed_id integer not null references users on delete cascade,
      created_at timestamptz not null default now(),
      primary key (follower_id, followed_id)
    )
  `.execute(db);
  await sql`create index follows_followed_id_idx on follows (followed_id, follower_id)`.execute(db);
  await sql`insert into follows (follower_id, followed_id) select id, id from users`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table follows`.execute(db);
}
