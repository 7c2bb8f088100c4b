import { type Kysely, sql } from 'kysely';

/**
 * What pages count is kept by the database, in the transaction that changes it: how many posts, comments, followers
 * and followed people somebody has, how many comments a post has, how many posts and comments there are, and how many
 * each block of 4,096 ids has: the blocks tell where the hundred-thousandth is without reading the others.
 * `recount()` counts everything anew, for a bulk load that has switched the triggers off.
 *
 * People are locked in the order of their ids before they are changed, so that two changes never wait for each other.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table users
      add post_count integer not null default 0,
      add comment_count integer not null default 0,
      add follower_count integer not null default 0,
      add followed_count integer not null default 0
  `.execute(db);
  await sql`alter table posts add comment_count integer not null default 0`.execute(db);
  await sql`
    create table id_blocks (
      list text not null,
      block integer not null,
      rows integer not null,
      primary key (list, block)
    ) with (fillfactor = 50)
  `.execute(db);
  await sql`create table list_totals (list text primary key, rows integer not null)`.execute(db);
  await sql`
    create function recount() returns void language sql as $$
      update users set
        post_count = (select count(*) from posts where author_id = users.id),
        comment_count = (select count(*) from comments where author_id = users.id),
        follower_count = (select count(*) from follows where followed_id = users.id and follower_id <> users.id),
        followed_count = (select count(*) from follows where follower_id = users.id and followed_id <> users.id);
      update posts set comment_count = coalesce(number, 0)
        from posts as every
        left join (select post_id, count(*) as number from comments group by post_id) as counted on post_id = every.id
        where posts.id = every.id and posts.comment_count <> coalesce(number, 0);
      delete from id_blocks;
      insert into id_blocks (list, block, rows)
        select 'posts', id >> 12, count(*) from posts group by id >> 12
        union all
        select 'comments', id >> 12, count(*) from comments group by id >> 12;
      delete from list_totals;
      insert into list_totals (list, rows) select list, sum(rows) from id_blocks group by list;
    $$
  `.execute(db);
  await sql`select recount()`.execute(db);

  // Room for a new version of a row beside the old one: a count then changes without touching any index.
  await sql`alter table users set (fillfactor = 85)`.execute(db);
  await sql`alter table posts set (fillfactor = 90)`.execute(db);

  await sql`
    create function count_posts() returns trigger language plpgsql as $$
    declare
      sign constant integer := case tg_op when 'INSERT' then 1 else -1 end;
    begin
      perform from users where id in (select author_id from changed) order by id for no key update;
      update users set post_count = post_count + sign * number
        from (select author_id, count(*) as number from changed group by author_id) as counted
        where users.id = author_id;
      insert into id_blocks as counted (list, block, rows)
        select 'posts', id >> 12, sign * count(*) from changed group by id >> 12 order by id >> 12
        on conflict (list, block) do update set rows = counted.rows + excluded.rows;
      insert into list_totals as total (list, rows)
        select 'posts', sign * count(*) from changed having count(*) > 0
        on conflict (list) do update set rows = total.rows + excluded.rows;
      return null;
    end $$
  `.execute(db);
  await sql`
    create function count_comments() returns trigger language plpgsql as $$
    declare
      sign constant integer := case tg_op when 'INSERT' then 1 else -1 end;
    begin
      perform from posts where id in (select post_id from changed) order by id for no key update;
      update posts set comment_count = comment_count + sign * number
        from (select post_id, count(*) as number from changed group by post_id) as counted
        where posts.id = post_id;
      perform from users where id in (select author_id from changed) order by id for no key update;
      update users set comment_count = comment_count + sign * number
        from (select author_id, count(*) as number from changed group by author_id) as counted
        where users.id = author_id;
      insert into id_blocks as counted (list, block, rows)
        select 'comments', id >> 12, sign * count(*) from changed group by id >> 12 order by id >> 12
        on conflict (list, block) do update set rows = counted.rows + excluded.rows;
      insert into list_totals as total (list, rows)
        select 'comments', sign * count(*) from changed having count(*) > 0
        on conflict (list) do update set rows = total.rows + excluded.rows;
      return null;
    end $$
  `.execute(db);
  await sql`
    create function count_follows() returns trigger language plpgsql as $$
    declare
      sign constant integer := case tg_op when 'INSERT' then 1 else -1 end;
    begin
      perform from users
        where id in (select follower_id from changed union all select followed_id from changed)
        order by id for no key update;
      update users set
        followed_count = followed_count + sign * followed, follower_count = follower_count + sign * followers
        from (
          select id, sum(followed) as followed, sum(followers) as followers
          from (
            select follower_id as id, 1 as followed, 0 as followers from changed where follower_id <> followed_id
            union all
            select followed_id, 0, 1 from changed where follower_id <> followed_id
          ) as sides
          group by id
        ) as counted
        where users.id = counted.id;
      return null;
    end $$
  `.execute(db);
  for (const table of ['posts', 'comments', 'follows']) {
    const name = sql.raw(table);
    await sql`
      create trigger ${name}_counted_in after insert on ${name} referencing new table as changed
        for each statement execute function count_${name}()
    `.execute(db);
    await sql`
      create trigger ${name}_counted_out after delete on ${name} referencing old table as changed
        for each statement execute function count_${name}()
    `.execute(db);
  }

  // A post takes its comments with it, whose authors are locked before the first of them is.
  await sql`
    create function lock_authors_of_post() returns trigger language plpgsql as $$
    begin
      perform from users
        where id = old.author_id or id in (select author_id from comments where post_id = old.id)
        order by id for no key update;
      return old;
    end $$
  `.execute(db);
  await sql`
    create trigger posts_lock_authors before delete on posts
      for each row execute function lock_authors_of_post()
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger posts_lock_authors on posts`.execute(db);
  await sql`drop function lock_authors_of_post`.execute(db);
  for (const table of ['posts', 'comments', 'follows']) {
    const name = sql.raw(table);
    await sql`drop trigger ${name}_counted_in on ${name}`.execute(db);
    await sql`drop trigger ${name}_counted_out on ${name}`.execute(db);
    await sql`drop function count_${name}`.execute(db);
  }
  await sql`alter table users reset (fillfactor)`.execute(db);
  await sql`alter table posts reset (fillfactor)`.execute(db);
  await sql`drop function recount`.execute(db);
  await sql`drop table id_blocks, list_totals`.execute(db);
  await sql`alter table posts drop comment_count`.execute(db);
  await sql`alter table users drop post_count, drop comment_count, drop follower_count, drop followed_count`.execute(
    db,
  );
}
