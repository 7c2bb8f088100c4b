import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table post_versions (
      post_id integer not null references posts on delete cascade,
      version integer not null,
      title text check (length(title) between 1 and 200),
      body text check (length(body) between 1 and 50000),
      added_tags text[] not null check (cardinality(added_tags) <= 10),
      written_at timestamptz not null,
      writer_id integer references users on delete set null,
      replaced_at timestamptz not null default now(),
      replacer_id integer references users on delete set null,
      primary key (post_id, version),
      check (body is not null or (title is null and added_tags = '{}'))
    );
    comment on table post_versions is
      'What posts said before they were edited, under the version that they had. Readers may see it as they may see the post. '
      'Without a body if somebody has deleted it, so that readers know that there was something.';
    create index post_versions_writer_id_idx on post_versions (writer_id);
    create index post_versions_replacer_id_idx on post_versions (replacer_id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table post_versions`.execute(db);
}
