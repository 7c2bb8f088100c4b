import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table images (
      id integer generated always as identity primary key,
      key text not null unique check (length(key) = 22),
      owner_id integer not null references users on delete cascade,
      alt text not null check (length(alt) <= 1000),
      width integer not null check (width > 0),
      height integer not null check (height > 0),
      upload bytea check (length(upload) <= 10485760),
      fault text check (fault in ('unreadable', 'too-large', 'too-slow')),
      size integer not null check (size >= 0),
      unused_since timestamptz default now(),
      created_at timestamptz not null default now(),
      check (num_nonnulls(upload, fault) < 2)
    );
    comment on table images is
      'Images for posts. The upload is kept until a job has made its files. The key is in the URL: random, so that nobody '
      'finds the images of drafts.';
    create index images_owner_id_id_idx on images (owner_id, id) include (size);
    create index images_unused_since_idx on images (unused_since) where unused_since is not null;

    create table image_files (
      image_id integer not null references images on delete cascade,
      width integer not null,
      content bytea not null,
      primary key (image_id, width)
    );
    comment on table image_files is 'Images in WebP, in each of their widths.';

    create table post_images (
      image_id integer not null references images on delete cascade,
      post_id integer not null references posts on delete cascade,
      primary key (image_id, post_id)
    );
    comment on table post_images is 'The images that each post shows: its author''s of posts.image_keys. A trigger fills it.';
    create index post_images_post_id_idx on post_images (post_id);

    -- Images are already compressed.
    alter table images alter upload set storage external;
    alter table image_files alter content set storage external;

    alter table posts add column image_keys text[] not null default '{}';
    -- For finding the posts that show an image, even one that was deleted.
    create index posts_image_keys_idx on posts using gin (image_keys) where image_keys <> '{}';

    create function record_post_images() returns trigger language plpgsql as $$
    begin
      delete from post_images using images
        where post_id = new.id and image_id = images.id and key <> all(new.image_keys);
      insert into post_images (image_id, post_id)
        select images.id, new.id from images where key = any(new.image_keys) and owner_id = new.author_id
        order by images.id for key share
        on conflict do nothing;
      return null;
    end $$;
    create trigger images_recorded_at_first after insert on posts for each row
      when (new.image_keys <> '{}') execute function record_post_images();
    create trigger images_recorded_again after update of image_keys on posts for each row
      when (new.image_keys <> old.image_keys) execute function record_post_images();

    create function note_image_use() returns trigger language plpgsql as $$
    begin
      if tg_op = 'INSERT' then
        update images set unused_since = null where id = new.image_id and unused_since is not null;
      else
        update images set unused_since = now()
          where id = old.image_id and not exists (select from post_images where image_id = old.image_id);
      end if;
      return null;
    end $$;
    create trigger image_use_noted after insert or delete on post_images
      for each row execute function note_image_use();
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop trigger images_recorded_at_first on posts;
    drop trigger images_recorded_again on posts;
    drop function record_post_images;
    alter table posts drop column image_keys;
    drop table post_images, image_files, images;
    drop function note_image_use;
  `.execute(db);
}
