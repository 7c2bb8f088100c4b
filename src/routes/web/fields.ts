import { Type } from 'typebox';
import { LONGEST_BODY, type Rendered } from '../../domain/markdown/text.ts';
import { DomainError } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';

/** The text of a post or a comment. */
export const bodyField = () => Type.String({ minLength: 1, maxLength: LONGEST_BODY });

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
