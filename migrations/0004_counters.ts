import { type Kysely, sql } from 'kysely';

export const kind = 'expand';

/**
 * Updates the counters on users and posts in the transaction that changes what they count. Users are locked in the order of
 * their ids before they are updated, so that changes cannot deadlock. `recount()` recounts everything after a bulk load
 * without triggers.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function count_posts() returns trigger language plpgsql as $$
    declare
      sign constant integer := case tg_op when 'INSERT' then 1 else -1 end;
    begin
      perform from users where id in (select author_id from changed) order by id for no key update;
      update users set post_count = post_count + sign * number
        from (select author_id, count(*) as number from changed where is_listed group by author_id) as counted
        where users.id = author_id;
      return null;
    end $$;

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
      return null;
    end $$;

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
            select follower_id as id, 1 as followed, 0 as followers from changed
            union all
            select followed_id, 0, 1 from changed
          ) as sides
          group by id
        ) as counted
        where users.id = counted.id;
      return null;
    end $$;

    create function recount() returns void language sql as $$
      update users set
        post_count = (select count(*) from posts where author_id = users.id and is_listed),
        comment_count = (select count(*) from comments where author_id = users.id),
        follower_count = (select count(*) from follows where followed_id = users.id),
        followed_count = (select count(*) from follows where follower_id = users.id);
      update posts set comment_count = coalesce(number, 0)
        from posts as every
        left join (select post_id, count(*) as number from comments group by post_id) as counted on post_id = every.id
        where posts.id = every.id and posts.comment_count <> coalesce(number, 0);
    $$;
  `.execute(db);
  for (const table of ['posts', 'comments', 'follows']) {
    const name = sql.raw(table);
    await sql`
      create trigger ${name}_counted_in after insert on ${name} referencing new table as changed
        for each statement execute function count_${name}();
      create trigger ${name}_counted_out after delete on ${name} referencing old table as changed
        for each statement execute function count_${name}();
    `.execute(db);
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function count_posts, count_comments, count_follows cascade;
    drop function recount;
  `.execute(db);
}
