import { Type } from 'typebox';

/** The text of a post or a comment. */
export const bodyField = () => Type.String({ minLength: 1, maxLength: 50_000 });
