import { type Kysely, sql } from 'kysely';

/** When a post's text was last changed, for feeds and search engines; null until it is. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table posts add edited_at timestamptz`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table posts drop edited_at`.execute(db);
}
