import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table mentions (
      id integer generated always as identity primary key,
      user_id integer not null references users on delete cascade,
      post_id integer references posts on delete cascade,
      comment_id integer references comments on delete cascade,
      name text not null check (name = lower(name) and length(name) between 1 and 64),
      created_at timestamptz not null default now(),
      check (num_nonnulls(post_id, comment_id) = 1)
    );
    comment on table mentions is
      'The people that a post or a comment mentions, and by which name. When the text is rendered again, the name still means '
      'the same person, even if usernames have changed.';
    create unique index mentions_post_id_name_key on mentions (post_id, name) where post_id is not null;
    create unique index mentions_comment_id_name_key on mentions (comment_id, name) where comment_id is not null;
    create index mentions_user_id_id_idx on mentions (user_id, id);

    -- For the names that begin with some characters, whatever the database's collation.
    create index users_username_beginning_idx on users (lower(username) text_pattern_ops) where confirmed_at is not null;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index users_username_beginning_idx; drop table mentions`.execute(db);
}
