import { sql } from 'kysely';
import type { Db } from '../../src/database/schema.ts';

/** One in `one` posts has a mark, one in twice as many has a second one, and so on, up to `most`. */
const MARKS = [
  { table: 'likes', one: 3, most: 4 },
  { table: 'bookmarks', one: 20, most: 1 },
] as const;

/**
 * Makes an eighth of the comments replies to the first one on their post, and adds likes and bookmarks.
 *
 * @param people how many there are
 */
export async function seedAnswers(db: Db, people: number): Promise<void> {
  await sql`
    update comments set parent_id = first.id, root_id = first.id
    from (select min(id) as id, post_id from comments group by post_id) as first
    where first.post_id = comments.post_id and first.id < comments.id and comments.id % 8 = 0
  `.execute(db);
  for (const { table, one, most } of MARKS) {
    await sql`
      insert into ${sql.table(table)} (user_id, post_id)
      select person.id, posts.id
      from posts cross join generate_series(1, ${most}::int) as n
      join (select id, row_number() over (order by id) - 1 as number from users) as person
        on person.number = (posts.id + n * 31) % ${people}::int
      where posts.id % (n * ${one}::int) = 0 and person.id <> author_id
      order by posts.id, n
      on conflict do nothing
    `.execute(db);
  }
}
