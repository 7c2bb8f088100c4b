import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { excerptOf } from '../posts/excerpt.ts';
import { pathOfPost } from '../posts/path.ts';
import { IS_LISTED } from '../posts/visibility.ts';
import { ARE_SUBSCRIPTIONS_ON } from './terms.ts';

/** Characters of a post that its mail quotes. */
const MAX_EXCERPT_LENGTH = 500;

/** Loads the content of the confirmation mail. Undefined if the author is gone, or subscriptions are off. */
export function loadConfirmation(db: Db, subscriptionId: number): Promise<{ author: string } | undefined> {
  return db
    .selectFrom('subscriptions')
    .innerJoin('users', 'users.id', 'author_id')
    .select('username as author')
    .where('subscriptions.id', '=', subscriptionId)
    .where(IS_OPEN)
    .where(ARE_SUBSCRIPTIONS_ON)
    .executeTakeFirst();
}

/** The content of a mail with a new post. */
export interface NewPost {
  readonly subject: string;
  readonly author: string;
  readonly title: string | null;
  readonly path: string;
  readonly excerpt: string;
}

/**
 * Loads the content of a mail with a new post. Undefined if the post was deleted, hidden or unlisted since, its author was
 * suspended, or the subscriber has muted or blocked the author or was blocked by them.
 */
export async function loadNewPost(
  db: Db,
  { subscriptionId, postId }: { subscriptionId: number; postId: number },
): Promise<NewPost | undefined> {
  const post = await db
    .selectFrom('posts')
    .innerJoin('users', 'users.id', 'posts.author_id')
    .innerJoin('subscriptions', 'subscriptions.author_id', 'posts.author_id')
    .select(['posts.id', 'posts.title', 'users.username as author'])
    .select(({ fn }) => fn.coalesce('posts.excerpt_html', 'posts.body_html').as('html'))
    .where('posts.id', '=', postId)
    .where('subscriptions.id', '=', subscriptionId)
    .where(IS_LISTED)
    .where(IS_OPEN)
    .where(ARE_SUBSCRIPTIONS_ON)
    .where(IS_UNBLOCKED)
    .executeTakeFirst();
  if (post === undefined) return undefined;
  const { id, title, author, html } = post;
  return {
    subject: title === null ? `New post by ${author}` : `${title} by ${author}`,
    author,
    title,
    path: pathOfPost({ id, title }),
    excerpt: excerptOf(html, MAX_EXCERPT_LENGTH),
  };
}

/** Whether the subscriber, if they have an account, has not muted or blocked the author, nor the author blocked them. */
const IS_UNBLOCKED = sql<boolean>`not exists (
  select from users as reader join blocks on (blocker_id = reader.id and blocked_id = subscriptions.author_id)
    or (kind = 'block' and blocker_id = subscriptions.author_id and blocked_id = reader.id)
  where lower(reader.email) = subscriptions.email and reader.confirmed_at is not null
)`;
