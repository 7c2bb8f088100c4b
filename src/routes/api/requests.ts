import { Type } from 'typebox';
import type { PermissionName } from '../../domain/accounts/roles.ts';
import { MAX_BODY_LENGTH } from '../../domain/markdown/text.ts';
import { MAX_ID } from '../../domain/page.ts';
import { MAX_TITLE_LENGTH, TITLE_PATTERN } from '../../domain/posts/title.ts';
import type { Visibility } from '../../domain/posts/visibility.ts';
import { MAX_TAGS, TAG_PATTERN } from '../../domain/tags/name.ts';
import { visibility } from './fields.ts';
import { paths, Refused, ref } from './resources.ts';

/** Whether a request asks for an unlisted post. Undefined if it does not say. */
export function isUnlistedIn({ visibility }: { visibility?: Visibility }): boolean | undefined {
  return visibility && visibility === 'unlisted';
}

export const WithId = Type.Object({ id: Type.Integer({ minimum: 1, maximum: MAX_ID, examples: [1] }) });

/**
 * Declares in the document that a call needs an account, and perhaps permissions. Calls without this only read, and visitors
 * may use them if the site's settings allow it.
 */
export function needs(...permissions: PermissionName[]) {
  return { security: [{ bearer: permissions }, { basic: permissions }] };
}

/** A text that is not blank, without NUL and lone surrogates, which PostgreSQL cannot store. */
export const textOf = (maxLength: number, what: string, example: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^(?=\\s*\\S)[^\\u0000\\p{Cs}]*$',
    description: `${what}, not blank, at most ${maxLength.toLocaleString('en')} characters.`,
    examples: [example],
  });

const Title = (description: string) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    pattern: TITLE_PATTERN,
    description:
      `One line of at most ${MAX_TITLE_LENGTH} characters, or null for none. ${description}`.trim(),
    examples: ['On bread'],
  });

const Tags = (description: string) =>
  Type.Array(Type.String({ pattern: TAG_PATTERN, examples: ['bread'] }), { maxItems: MAX_TAGS, description });

/** The body of a request that writes a post. */
export const PostWriting = Type.Object(
  {
    title: Type.Optional(Title('Without it, an edit leaves the title.')),
    body: textOf(MAX_BODY_LENGTH, 'Markdown', 'Flour, water, salt and *time*.'),
    tags: Type.Optional(Tags('Tags besides those in the text. Without them, an edit leaves them.')),
    visibility: Type.Optional(visibility(' Without it, a new post is public, and an edit leaves it.')),
  },
  { additionalProperties: false, title: 'post' },
);

/** The body of a request that saves a draft, which may be unfinished. */
export const DraftWriting = Type.Object(
  {
    title: Type.Optional(Title('Without it, saving leaves the title.')),
    body: Type.String({
      maxLength: MAX_BODY_LENGTH,
      pattern: '^[^\\u0000\\p{Cs}]*$',
      description: `Markdown, at most ${MAX_BODY_LENGTH.toLocaleString('en')} characters.`,
      examples: ['Flour, water, salt'],
    }),
    tags: Type.Optional(Tags('Tags besides those in the text. Without them, saving leaves them.')),
    visibility: Type.Optional(visibility(' Without it, a new draft is public, and saving leaves it.')),
  },
  { additionalProperties: false, title: 'draft' },
);

/** The body of a request that chooses a moment. */
export const WithMoment = Type.Object(
  {
    publish_at: Type.String({
      pattern:
        '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,3})?)?Z$',
      description: 'RFC 3339 in UTC. A past time means now.',
      examples: ['2026-01-31T18:00:00Z'],
    }),
  },
  { additionalProperties: false, title: 'schedule' },
);

const commentText = textOf(MAX_BODY_LENGTH, 'Markdown', 'How *much* time?');

/** The body of a request that edits a comment. */
export const CommentEdit = Type.Object(
  { body: commentText },
  { additionalProperties: false, title: 'comment' },
);

/** The body of a request that publishes a comment. */
export const CommentWriting = Type.Object(
  {
    body: commentText,
    parent_url: Type.Optional(
      Type.String({
        pattern: `^${paths.comments}\\d{1,10}$`,
        description: 'Path of the comment that this one replies to.',
        examples: [paths.comment(1)],
      }),
    ),
  },
  { additionalProperties: false, title: 'comment' },
);

const REASONS = {
  400: 'Invalid request. The message names the field.',
  401: 'No valid credentials.',
  403: 'The account or its token lacks permission.',
  404: 'Not found.',
  409: 'A quota or limit has been reached, or the comment being replied to is gone.',
  412: 'The text has changed.',
  413: 'The request is too large.',
  415: 'The Content-Type is not accepted.',
  422: 'The text cannot be rendered, the image cannot be used, or the Idempotency-Key was used for a different request.',
  429: 'Too many requests. Retry-After gives the seconds to wait.',
} as const;

type Refusable = keyof typeof REASONS;

/** The responses of a route that answers 204, or 404 and other errors. */
export function noContent(description: string, ...statuses: Refusable[]) {
  return { 204: Type.Null({ description }), ...refusals(404, ...statuses) };
}

/** The error responses of a route. All routes have 401, 403 and 429. */
export function refusals(...statuses: Refusable[]) {
  const all: readonly Refusable[] = [401, 403, 429, ...statuses];
  return Object.fromEntries(all.map((status) => [status, ref(Refused, { description: REASONS[status] })]));
}
