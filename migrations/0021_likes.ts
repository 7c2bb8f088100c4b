import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table likes (
      id integer generated always as identity,
      user_id integer not null references users on delete cascade,
      post_id integer not null references posts on delete cascade,
      primary key (user_id, post_id)
    );
    comment on table likes is
      'Who likes which post. Lists count them, up to a hundred per post, instead of the post''s row: everyone who likes a '
      'popular post would have to wait for it. Ids increase with time, so lists are ordered by id.';
    create index likes_post_id_id_idx on likes (post_id, id) include (user_id);

    create table bookmarks (
      id integer generated always as identity,
      user_id integer not null references users on delete cascade,
      post_id integer not null references posts on delete cascade,
      primary key (user_id, post_id)
    );
    comment on table bookmarks is 'Posts that people have bookmarked. Nobody else can see which.';
    create index bookmarks_user_id_id_idx on bookmarks (user_id, id) include (post_id);
    create index bookmarks_post_id_idx on bookmarks (post_id);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table bookmarks, likes`.execute(db);
}
