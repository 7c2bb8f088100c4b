import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Markdown } from '../markdown/text.ts';
import { renderText } from '../mentions/render.ts';
import type { Writing } from '../posts/write.ts';
import { readTags } from '../tags/name.ts';
import type { DraftText } from './draft.ts';

/**
 * Renders a draft as a post.
 *
 * @throws DomainError `unrenderable`, also for an empty text, `invalid-tags`, or Busy
 */
export async function renderDraft(
  dependencies: { db: Db; markdown: Markdown },
  writerId: number,
  { title, body, tags }: DraftText,
): Promise<Writing> {
  if (body.trim() === '') throw new DomainError('unrenderable', 'The draft has no text yet.');
  const addedTags = readTags(tags);
  return { ...(await renderText(dependencies, { kind: 'post', body, writerId })), title, addedTags };
}
