import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { hasNotBlocked } from '../blocks/hide.ts';
import { resolveImages } from '../images/resolve.ts';
import { candidatesOf } from '../markdown/references.ts';
import type { Markdown, People, Rendered, TextKind } from '../markdown/text.ts';

/** A post or a comment. */
export type TextId = { readonly postId: number } | { readonly commentId: number };

/** A rendered text, with the names by which it mentions people. */
export interface MentioningText extends Rendered {
  /** Ids by names in lower case. Nobody if it is undefined. */
  readonly names?: People;
}

/** The input of `renderText`. */
interface Draft {
  readonly kind: TextKind;
  readonly body: string;
  /** The text's author, even if an Administrator edits it. */
  readonly writerId: number;
  /** The text that this replaces. Its names keep their meaning. */
  readonly replaces?: TextId;
}

/**
 * Renders a text with links to the people it mentions, and a post with its author's images. A name keeps its meaning
 * from the text that this one replaces; a new name means the person who has it now. Does not link people who have blocked
 * the writer.
 *
 * @throws DomainError `unrenderable`, or Busy
 */
export async function renderText(
  { db, markdown }: { db: Db; markdown: Markdown },
  { kind, body, ...draft }: Draft,
): Promise<MentioningText> {
  const people = await findPeople(db, candidatesOf(body), draft);
  const renderer = markdown.by(draft.writerId);
  const text =
    kind === 'post'
      ? await renderer.post(body, people, await resolveImages(db, draft.writerId, body))
      : await renderer.comment(body, people);
  return { ...text, names: new Map([...people].filter(([, id]) => text.mentions.includes(id))) };
}

async function findPeople(
  db: Db,
  names: readonly string[],
  { writerId, replaces }: Pick<Draft, 'writerId' | 'replaces'>,
): Promise<People> {
  if (names.length === 0) return new Map();
  const known =
    replaces && sql`select name, user_id, 1 as rank from mentions where ${isOf(replaces)} union all`;
  const { rows } = await sql<{ name: string; userId: number }>`
    select name, user_id as "userId" from (
      select distinct on (name) name, user_id from (
        ${known ?? sql``}
        select lower(username), id, 2 from users where lower(username) = any(${names}) and confirmed_at is not null
      ) as meaning (name, user_id, rank)
      where name = any(${names})
      order by name, rank
    ) as person
    where ${hasNotBlocked('person.user_id', writerId)}
  `.execute(db);
  return new Map(rows.map(({ name, userId }) => [name, userId]));
}

/** Finds the people a text mentions, to render it again as it is. */
export async function findMentioned(db: Db, text: TextId): Promise<People> {
  const rows = await db
    .selectFrom('mentions')
    .select(['name', 'user_id as userId'])
    .where(isOf(text))
    .execute();
  return new Map(rows.map(({ name, userId }) => [name, userId]));
}

/** The condition for the mentions in a text. */
export function isOf(text: TextId) {
  return 'postId' in text
    ? sql<boolean>`mentions.post_id = ${text.postId}`
    : sql<boolean>`mentions.comment_id = ${text.commentId}`;
}
