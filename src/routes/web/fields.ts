import { Type } from 'typebox';
import { MAX_BODY_LENGTH, type Rendered } from '../../domain/markdown/text.ts';
import type { MentioningText } from '../../domain/mentions/render.ts';
import { TITLE_PATTERN, TITLE_RULE } from '../../domain/posts/title.ts';
import { VISIBILITIES } from '../../domain/posts/visibility.ts';
import type { Writing } from '../../domain/posts/write.ts';
import { readTags } from '../../domain/tags/name.ts';
import { DomainError } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';

/** The text of a post or a comment. */
export const bodyField = () => Type.String({ minLength: 1, maxLength: MAX_BODY_LENGTH });

/** The fields of a post. The title and the tags are optional. If the visibility is empty, an edit leaves it. */
export const postFields = () => ({
  title: Type.String({ pattern: TITLE_PATTERN, messages: { pattern: TITLE_RULE } }),
  body: bodyField(),
  tags: Type.String({ maxLength: 500 }),
  visibility: Type.String({ pattern: `^(${VISIBILITIES.join('|')})?$` }),
});

/** Whether the post is to be unlisted. Undefined if the form does not say. */
export function isUnlistedIn({ visibility }: { visibility: string }): boolean | undefined {
  return visibility === '' ? undefined : visibility === 'unlisted';
}

/** A time in the reader's time zone. A script fills in `offset`, the minutes to add for UTC. If it is empty, the time is UTC. */
export const momentFields = () => ({
  publish_at: Type.String({
    pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}$',
    messages: { pattern: 'Enter a date and a time.' },
  }),
  offset: Type.String({ pattern: '^(-?\\d{1,4})?$' }),
});

/** The moment of these fields. Undefined for a date that does not exist. */
export function momentFrom(fields: { publish_at: string; offset: string }): Date | undefined {
  const local = Date.parse(`${fields.publish_at}Z`);
  return Number.isNaN(local) ? undefined : new Date(local + Number(fields.offset) * 60_000);
}

interface FormWithPost {
  refuse(field: 'body' | 'tags', message: string): FormState;
}

/** Awaits the rendered text of a post's form and reads its tags. Returns the post, or the form with an error. */
export async function postOf(
  rendering: Promise<MentioningText>,
  fields: { title: string; tags: string; visibility: string },
  form: FormWithPost,
): Promise<{ post: Writing } | { refused: FormState }> {
  try {
    const rendered = await rendering; // First: if it failed unawaited, the process would stop.
    const { title, tags } = fields;
    return { post: { ...rendered, title, addedTags: readTags(tags), isUnlisted: isUnlistedIn(fields) } };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.code === 'unrenderable') return { refused: form.refuse('body', error.message) };
    if (error.code === 'invalid-tags') return { refused: form.refuse('tags', error.message) };
    throw error;
  }
}

interface FormWithBody {
  refuse(field: 'body', message: string): FormState;
}

/** Awaits the rendered text of a form. Returns it, or the form with an error if it cannot be rendered. */
export async function textOf(
  rendering: Promise<Rendered>,
  form: FormWithBody,
): Promise<{ text: Rendered } | { refused: FormState }> {
  try {
    return { text: await rendering };
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'unrenderable') throw error;
    return { refused: form.refuse('body', error.message) };
  }
}
