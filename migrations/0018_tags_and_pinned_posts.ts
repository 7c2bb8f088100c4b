import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/** A trigger keeps `post_tags` in step with the posts, whatever changes them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table post_tags (
      tag text not null,
      position bigint not null references posts (position) on update cascade on delete cascade,
      primary key (tag, position)
    );
    comment on table post_tags is 'The tags of the listed posts, for lists of the posts with a tag.';
    -- A hash has no order, so that the planner cannot search it from the newest post for a tag that is no longer used.
    create index post_tags_position_idx on post_tags using hash (position);

    create function index_tags() returns trigger language plpgsql as $$
    begin
      if tg_op = 'UPDATE' then
        delete from post_tags where position = new.position;
      end if;
      insert into post_tags (tag, position) select unnest(new.tags), new.position where new.is_listed;
      return null;
    end $$;
    create trigger posts_tags_in after insert on posts
      for each row when (new.tags <> '{}') execute function index_tags();
    create trigger posts_tags_changed after update of tags, is_disabled, is_unlisted on posts
      for each row when (old.tags <> new.tags or (old.is_listed <> new.is_listed and new.tags <> '{}'))
      execute function index_tags();

    create table tag_follows (
      user_id integer not null references users on delete cascade,
      tag text not null check (length(tag) between 1 and 40),
      created_at timestamptz not null default now(),
      primary key (user_id, tag)
    );
    comment on table tag_follows is 'The tags whose posts are on a person''s Followed tab.';

    alter table users add column pinned_post_id integer references posts on delete set null;
    create index users_pinned_post_id_idx on users (pinned_post_id) where pinned_post_id is not null;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users drop column pinned_post_id;
    drop table tag_follows, post_tags;
    drop function index_tags cascade;
  `.execute(db);
}
