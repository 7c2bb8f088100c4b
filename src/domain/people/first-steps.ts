import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { IS_LISTED } from '../posts/visibility.ts';

/** A person to suggest to a newcomer. */
export interface Suggestion {
  readonly username: string;
  readonly name: string;
  readonly avatarSeed: string;
  readonly pictureHash: string | null;
}

/** Suggestions are authors of this many of the newest posts. */
const NEWEST_POSTS = 200;

const SUGGESTIONS = 5;

/** A newcomer's progress. */
export interface FirstSteps {
  readonly hasWritten: boolean;
  readonly followsSomebody: boolean;
  /** People who wrote recently. */
  readonly suggestions: readonly Suggestion[];
}

/** Finds the next steps for a newcomer, in one query. */
export async function findFirstSteps(db: Db, userId: number): Promise<FirstSteps> {
  const { rows } = await sql<FirstSteps>`
    select
      post_count > 0 as "hasWritten", followed_count > 0 as "followsSomebody",
      coalesce((
        select json_agg(
          json_build_object(
            'username', author.username, 'name', author.name,
            'avatarSeed', author.avatar_seed, 'pictureHash', author.picture_hash
          ) order by newest desc
        )
        from (
          select author_id, max(position) as newest
          from (select position, author_id from posts where ${IS_LISTED} order by position desc limit ${sql.lit(NEWEST_POSTS)}) as newest_posts
          where author_id <> ${userId} and not ${isMutedBy(userId, 'author_id')} group by author_id
          order by newest desc limit ${sql.lit(SUGGESTIONS)}
        ) as authors
        join users as author on author.id = author_id and author.confirmed_at is not null and ${IS_OPEN}
      ), '[]') as suggestions
    from users where users.id = ${userId}
  `.execute(db);
  const [steps = { hasWritten: true, followsSomebody: true, suggestions: [] }] = rows;
  return steps;
}

/** Whether the site has no confirmed account yet. */
export async function hasNoAccounts(db: Db): Promise<boolean> {
  const anybody = db.selectFrom('users').select('id').where('confirmed_at', 'is not', null).limit(1);
  return (await anybody.executeTakeFirst()) === undefined;
}
