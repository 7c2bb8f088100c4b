import { type Kysely, sql } from 'kysely';

/** Ids rise with time, so the newest posts are the highest ids, and the key's own index has them in order. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table posts (
      id integer generated always as identity primary key,
      author_id integer not null references users on delete cascade,
      body text not null check (length(body) between 1 and 50000),
      body_html text not null check (length(body_html) <= 4 * 50000 + 65536),
      version integer not null default 1,
      created_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`create index posts_author_id_id_idx on posts (author_id, id desc)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table posts`.execute(db);
}
