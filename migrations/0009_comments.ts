import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table comments (
      id integer generated always as identity primary key,
      post_id integer not null references posts on delete cascade,
      author_id integer not null references users on delete cascade,
      body text not null check (length(body) between 1 and 50000),
      body_html text not null check (length(body_html) <= 4 * 50000 + 65536),
      is_disabled boolean not null default false,
      created_at timestamptz not null default now()
    )
  `.execute(db);
  await sql`create index comments_post_id_id_idx on comments (post_id, id)`.execute(db);
  await sql`create index comments_author_id_idx on comments (author_id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table comments`.execute(db);
}
