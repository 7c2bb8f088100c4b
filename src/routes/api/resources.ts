import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import type { NotificationKind } from '../../database/schema.ts';
import { VISIBILITIES, type Visibility } from '../../domain/posts/visibility.ts';

/** The API's resources: their schemas, which `present.ts` fills. Schemas with an `$id` are named in the document. */

export const API = '/api/v1';

/** The path of each resource. */
export const paths = {
  posts: `${API}/posts/`,
  post: (id: number) => `${API}/posts/${id}`,
  draft: (id: number) => `${API}/drafts/${id}`,
  commentsOf: (postId: number) => `${API}/posts/${postId}/comments/`,
  comments: `${API}/comments/`,
  comment: (id: number) => `${API}/comments/${id}`,
  images: `${API}/images/`,
  image: (key: string) => `${API}/images/${key}`,
  user: (id: number) => `${API}/users/${id}`,
  postsWithTag: (tag: string) => `${API}/tags/${encodeURIComponent(tag)}/posts/`,
  postsOf: (userId: number) => `${API}/users/${userId}/posts/`,
  notifications: `${API}/notifications/`,
  bookmarks: `${API}/bookmarks/`,
  timelineOf: (userId: number) => `${API}/users/${userId}/timeline/`,
  search: `${API}/search`,
} as const;

const Path = (what: string) => Type.String({ description: `Path of ${what}.` });
const Time = (what: string) => Type.String({ format: 'date-time', description: `${what}, ISO 8601 in UTC.` });
const Count = (what: string) => Type.Integer({ minimum: 0, description: `Number of ${what}.` });

/** A text that may be null. A single type serialises faster than a union. */
const NullableText = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description });

/** A schema that others refer to by name. */
function named<const Id extends string, Properties extends TProperties>($id: Id, properties: Properties) {
  return Object.assign(Type.Object(properties, { additionalProperties: false }), { $id });
}

/** Who can see a post. */
export const visibility = (more = '') =>
  Type.Unsafe<Visibility>({
    type: 'string',
    enum: VISIBILITIES,
    examples: VISIBILITIES,
    description: `\`public\`, or \`unlisted\` for those who know its path: it is in no list but your own.${more}`,
  });

export const Post = named('Post', {
  url: Path('the post'),
  title: NullableText('Its title, or null.'),
  body: Type.String({ description: 'The text in Markdown.' }),
  body_html: Type.String({ description: 'The text as sanitised HTML.' }),
  tags: Type.Array(Type.String(), { description: 'Its tags, in lower case, including those in the text.' }),
  visibility: visibility(),
  timestamp: Time('When it was published'),
  author_url: Path('who wrote it'),
  comments_url: Path('its comments'),
  comment_count: Count('comments'),
  like_count: Type.Integer({ minimum: 0, description: 'Number of likes, up to 100.' }),
});

/** What lists show of a draft. */
const draftProperties = {
  url: Path('the draft'),
  title: NullableText('Its title, or null.'),
  edited_at: Time('When it was last saved'),
  publish_at: NullableText('When it is published, ISO 8601 in UTC, or null if it is not scheduled.'),
  refused_because: NullableText(
    'Why it was not published when it was due: `not-allowed` or `unfinished`. Null unless it was.',
  ),
};

export const ListedDraft = named('ListedDraft', draftProperties);

export const Draft = named('Draft', {
  ...draftProperties,
  body: Type.String({ description: 'The text in Markdown.' }),
  tags: Type.Array(Type.String(), { description: 'Its tags besides those in the text, as they were typed.' }),
  visibility: visibility(),
});

export const DraftList = named('DraftList', { drafts: Type.Array(ref(ListedDraft)) });

export const Comment = named('Comment', {
  url: Path('the comment'),
  post_url: Path('its post'),
  parent_url: NullableText(
    'Path of the comment that it replies to. Null if it is not a reply, or if that was deleted.',
  ),
  body: NullableText('The text in Markdown, or null if hidden by a moderator.'),
  body_html: NullableText('The text as sanitised HTML, or null if hidden by a moderator.'),
  timestamp: Time('When it was published'),
  edited_at: NullableText('When it was last edited, ISO 8601 in UTC, or null.'),
  author_url: Path('who wrote it'),
});

export const User = named('User', {
  url: Path('the person'),
  username: Type.String(),
  member_since: Time('When they joined'),
  last_seen: Time('When they were last seen, to the minute'),
  posts_url: Path('their posts'),
  followed_posts_url: Path('their own timeline, which only they can read'),
  post_count: Count('posts'),
  pinned_post_url: NullableText('Path of the post at the top of their profile, or null.'),
});

export const Notification = named('Notification', {
  id: Type.Integer({ description: 'Increases with time.' }),
  kind: Type.Unsafe<NotificationKind>({
    type: 'string',
    enum: ['comment', 'reply', 'mention', 'follow', 'like', 'moderation'],
    description: 'What happened.',
  }),
  is_read: Type.Boolean(),
  timestamp: Time('When it happened'),
  actor_url: NullableText('Path of who did it, or null for a moderator’s decision.'),
  post_url: NullableText('Path of the post it is about, or null.'),
  comment_url: NullableText('Path of the comment it is about, or null.'),
});

export const Image = named('Image', {
  url: Path('the image'),
  markdown: Type.String({ description: 'What shows it in your posts.' }),
  file_url: Path('its largest file, in WebP. Only you can read it until one of your posts shows the image'),
  alt_text: Type.String({ description: 'What it shows. Empty if it is decorative.' }),
  width: Count('pixels from left to right'),
  height: Count('pixels from top to bottom'),
  timestamp: Time('When it was uploaded'),
});

export const Refused = named('Error', {
  error: Type.String({ description: 'The name of the status.' }),
  message: Type.Optional(Type.String({ description: 'A human-readable explanation.' })),
});

const pageOf = {
  prev: NullableText('Path of the previous page, or null.'),
  next: NullableText('Path of the next page, or null.'),
  count: Count('items on all pages: exact up to 10,000, an estimate beyond'),
};

export const PostPage = named('PostPage', { posts: Type.Array(ref(Post)), ...pageOf });
export const CommentPage = named('CommentPage', { comments: Type.Array(ref(Comment)), ...pageOf });
export const ImagePage = named('ImagePage', { images: Type.Array(ref(Image)), ...pageOf });

export const SearchResult = named('SearchResult', {
  url: Path('the post, comment or person'),
  username: Type.String({ description: 'The author, or the person found.' }),
  excerpt: Type.String({
    description: 'Plain text around the words found, or the person’s “about me”.',
  }),
  timestamp: Time('When it was published, or the person joined'),
});

export const SearchPage = named('SearchPage', { results: Type.Array(ref(SearchResult)), ...pageOf });

export const NotificationPage = named('NotificationPage', {
  notifications: Type.Array(ref(Notification)),
  ...pageOf,
  unread_count: Count('unread notifications, up to 100'),
});

/** All schemas that others refer to. */
export const NAMED_SCHEMAS = [
  ...[Post, Comment, User, Image, Notification, Refused],
  ...[ListedDraft, Draft, DraftList],
  SearchResult,
  SearchPage,
  ...[PostPage, CommentPage, ImagePage, NotificationPage],
];

/** Refers to a schema by name. */
export function ref<Schema extends TSchema & { $id: string }>({ $id }: Schema, options: object = {}) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${$id}#`, ...options });
}
