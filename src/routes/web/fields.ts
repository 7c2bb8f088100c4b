import { Type } from 'typebox';
import { LONGEST_BODY, type Rendered } from '../../domain/markdown/text.ts';
import { TITLE_PATTERN, TITLE_RULE } from '../../domain/posts/title.ts';
import { DomainError } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';

/** The text of a post or a comment. */
export const bodyField = () => Type.String({ minLength: 1, maxLength: LONGEST_BODY });

/** The optional title of a post, on one line. */
export const titleField = () => Type.String({ pattern: TITLE_PATTERN, messages: { pattern: TITLE_RULE } });

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
