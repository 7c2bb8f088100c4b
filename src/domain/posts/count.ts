import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { countRows, rowCount } from '../page.ts';
import type { PostFilter } from './filter.ts';
import { IS_LISTED, IS_SHOWN } from './visibility.ts';

/** Posts with a tag are not counted beyond this. */
const MAX_COUNTED = 10_000;

/** Counts the posts that a filter selects. The total of all posts may be an estimate. */
export async function countPosts(db: Db, { author, hasUnlisted, tag }: PostFilter): Promise<number> {
  if (author !== undefined) return author.postCount + (hasUnlisted ? await countUnlisted(db, author.id) : 0);
  if (tag === undefined) return countRows(db, 'posts', IS_LISTED);
  const tagged = db
    .selectFrom('post_tags')
    .select('tag')
    .where('tag', '=', tag)
    .orderBy('position', 'desc') // The order of the index, to read nothing else.
    .limit(sql.lit(MAX_COUNTED));
  const { total } = await db
    .selectFrom(tagged.as('tagged'))
    .select(rowCount.as('total'))
    .executeTakeFirstOrThrow();
  return total;
}

async function countUnlisted(db: Db, authorId: number): Promise<number> {
  const unlisted = db
    .selectFrom('posts')
    .where(IS_SHOWN)
    .where('author_id', '=', authorId)
    .where('is_unlisted', '=', true);
  return (await unlisted.select(rowCount.as('count')).executeTakeFirstOrThrow()).count;
}
