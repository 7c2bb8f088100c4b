import type { Db } from '../../database/schema.ts';
import type { Markdown, Rendered } from '../markdown/text.ts';
import { resolveImages } from './resolve.ts';

/**
 * Renders a post with its author's images.
 *
 * @param draft.writerId the post's author, even if an Administrator edits it
 * @throws DomainError `unrenderable`, or Busy
 */
export async function renderPost(
  { db, markdown }: { db: Db; markdown: Markdown },
  { body, writerId }: { readonly body: string; readonly writerId: number },
): Promise<Rendered> {
  return markdown.post(body, undefined, await resolveImages(db, writerId, body));
}
