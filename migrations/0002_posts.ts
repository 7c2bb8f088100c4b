import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table posts (
      id integer generated always as identity primary key,
      author_id integer not null references users on delete cascade,
      title text check (length(title) between 1 and 200),
      body text not null check (length(body) between 1 and 50000),
      body_html text not null check (length(body_html) <= 4 * 50000 + 65536),
      excerpt_html text check (length(excerpt_html) <= 10000),
      renderer smallint not null default 0,
      version integer not null default 1,
      created_at timestamptz not null default now(),
      edited_at timestamptz,
      comment_count integer not null default 0,
      is_disabled boolean not null default false,
      is_unlisted boolean not null default false,
      is_listed boolean not null generated always as (not is_disabled and not is_unlisted) stored,
      was_listed boolean not null default true check (was_listed or is_unlisted),
      tags text[] not null default '{}' check (cardinality(tags) <= 10),
      added_tags text[] not null default '{}',
      position bigint not null unique generated always as (
        floor(extract(epoch from created_at - timestamptz '1970-01-01 00:00Z'))::bigint * 1000000 + id % 1000000
      ) stored
    ) with (fillfactor = 90);
    comment on table posts is
      'Posts, in Markdown and as sanitised HTML. Lists are ordered by position: the second of publication in microseconds, '
      'and the end of the id, which makes it unique. Only moderators can read disabled ones. Unlisted ones are for people '
      'who know their address. Lists for everyone have only listed ones.';
    comment on column posts.was_listed is
      'Whether it is or has ever been listed. The first time counts as its publication, so it changes created_at.';
    create index posts_author_id_position_idx on posts (author_id, position) include (is_listed);
    -- For counting a person's unlisted posts, of which most have none.
    create index posts_unlisted_idx on posts (author_id) where is_unlisted;
    -- For finding the authors of the newest posts without reading the rows.
    create index posts_newest_authors_idx on posts (position) include (author_id) where is_listed;

    -- For finding texts to render again, of which there are almost always none. Equal values share their entries, so the
    -- index stays small.
    create index posts_renderer_idx on posts (renderer);

    create table comments (
      id integer generated always as identity primary key,
      post_id integer not null references posts on delete cascade,
      author_id integer not null references users on delete cascade,
      parent_id integer references comments on delete set null,
      root_id integer check (parent_id is null or root_id is not null),
      thread_id integer not null generated always as (coalesce(root_id, id)) stored,
      body text not null check (length(body) between 1 and 50000),
      body_html text not null check (length(body_html) <= 4 * 50000 + 65536),
      version integer not null default 1,
      renderer smallint not null default 0,
      is_disabled boolean not null default false,
      created_at timestamptz not null default now(),
      edited_at timestamptz
    );
    comment on table comments is
      'Comments on posts. Only moderators can read disabled ones. A reply has the comment that it answers as parent, and '
      'the comment that began the thread as root. Either may have been deleted: then the parent is null, and the root is '
      'no longer there. Pages are in the order of (thread_id, id).';
    create index comments_post_id_id_idx on comments (post_id, id);
    create index comments_post_id_thread_id_id_idx on comments (post_id, thread_id, id);
    create index comments_parent_id_idx on comments (parent_id) where parent_id is not null;
    create index comments_author_id_id_idx on comments (author_id, id);
    create index comments_renderer_idx on comments (renderer);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table comments, posts`.execute(db);
}
