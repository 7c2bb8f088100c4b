import { type Kysely, sql } from 'kysely';

/**
 * Every change tells, when it is committed, whose pages look different now: web processes that keep rendered pages
 * listen on the channel `pennypost_changes`. A message is a list of subjects: `home` for the list of all posts,
 * `post:ID`, `user:NAME` in lower case, or `everything`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // A bulk load changes nearly everything, and a message has room for 8,000 bytes.
  await sql`
    create function announce(subjects text[]) returns void language sql as $$
      select pg_notify('pennypost_changes', case
        when cardinality(subjects) > 50 then 'everything'
        else array_to_string(subjects, ' ')
      end)
      where cardinality(subjects) > 0
    $$
  `.execute(db);
  await sql`
    create function announce_posts() returns trigger language plpgsql as $$
    begin
      perform announce(array(
        select distinct subject from changed join users on users.id = author_id,
          unnest(array['home', 'post:' || changed.id, 'user:' || lower(username)]) as subject
        limit 51
      ));
      return null;
    end $$
  `.execute(db);
  await sql`
    create function announce_comments() returns trigger language plpgsql as $$
    begin
      perform announce(array(
        select distinct subject from changed
          left join posts on posts.id = post_id
          left join users as author on author.id = posts.author_id
          left join users as commenter on commenter.id = changed.author_id,
          unnest(array['home', 'post:' || post_id, 'user:' || lower(author.username), 'user:' || lower(commenter.username)])
            as subject
        where subject is not null
        limit 51
      ));
      return null;
    end $$
  `.execute(db);
  await sql`
    create function announce_follows() returns trigger language plpgsql as $$
    begin
      perform announce(array(
        select distinct 'user:' || lower(username) from changed join users on users.id in (follower_id, followed_id)
        limit 51
      ));
      return null;
    end $$
  `.execute(db);
  for (const table of ['posts', 'comments', 'follows']) {
    const name = sql.raw(table);
    await sql`
      create trigger ${name}_announced_in after insert on ${name} referencing new table as changed
        for each statement execute function announce_${name}()
    `.execute(db);
    await sql`
      create trigger ${name}_announced_out after delete on ${name} referencing old table as changed
        for each statement execute function announce_${name}()
    `.execute(db);
  }

  await sql`
    create function announce_edit() returns trigger language plpgsql as $$
    begin
      perform announce(array['home', 'post:' || new.id] || array(
        select 'user:' || lower(username) from users where id = new.author_id
      ));
      return null;
    end $$
  `.execute(db);
  await sql`
    create trigger posts_announced_edit after update of author_id, body_html, created_at, edited_at on posts
      for each row execute function announce_edit()
  `.execute(db);
  await sql`
    create function announce_moderation() returns trigger language plpgsql as $$
    begin
      perform announce(array['post:' || new.post_id]);
      return null;
    end $$
  `.execute(db);
  await sql`
    create trigger comments_announced_moderation after update of author_id, body_html, is_disabled on comments
      for each row execute function announce_moderation()
  `.execute(db);

  // Names and pictures stand beside everything somebody wrote, and only confirmed accounts have a page.
  await sql`
    create function announce_person() returns trigger language plpgsql as $$
    begin
      perform announce(array['everything']);
      return null;
    end $$
  `.execute(db);
  await sql`
    create trigger users_announced after insert or delete or update of
        username, name, location, about_me, avatar_seed, confirmed_at
      on users for each statement execute function announce_person()
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger users_announced on users`.execute(db);
  await sql`drop trigger comments_announced_moderation on comments`.execute(db);
  await sql`drop trigger posts_announced_edit on posts`.execute(db);
  for (const table of ['posts', 'comments', 'follows']) {
    const name = sql.raw(table);
    await sql`drop trigger ${name}_announced_in on ${name}`.execute(db);
    await sql`drop trigger ${name}_announced_out on ${name}`.execute(db);
    await sql`drop function announce_${name}`.execute(db);
  }
  await sql`drop function announce_person, announce_moderation, announce_edit`.execute(db);
  await sql`drop function announce`.execute(db);
}
