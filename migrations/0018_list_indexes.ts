import { type Kysely, sql } from 'kysely';

/** An index for each order that a list is read in, and one to see who wrote the newest posts without opening them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index follows_newest_followers_idx on follows (followed_id, created_at desc, follower_id desc)
  `.execute(db);
  await sql`
    create index follows_newest_followed_idx on follows (follower_id, created_at desc, followed_id desc)
  `.execute(db);
  await sql`drop index follows_followed_id_idx`.execute(db);
  await sql`create index posts_newest_authors_idx on posts (id desc) include (author_id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index posts_newest_authors_idx`.execute(db);
  await sql`create index follows_followed_id_idx on follows (followed_id, follower_id)`.execute(db);
  await sql`drop index follows_newest_followed_idx, follows_newest_followers_idx`.execute(db);
}
