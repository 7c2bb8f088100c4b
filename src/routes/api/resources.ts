import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import type { TokenScope } from '../../database/account-tables.ts';
import type { BlockKind, NotificationKind } from '../../database/schema.ts';
import { PERMISSION_NAMES } from '../../domain/accounts/roles.ts';
import { visibility } from './visibility.ts';

/** The API's resources: their schemas, which `present.ts` fills. Schemas with an `$id` are named in the document. */

export const API = '/api/v1';

/** The path of each resource. */
export const paths = {
  posts: `${API}/posts/`,
  post: (id: number) => `${API}/posts/${id}`,
  draft: (id: number) => `${API}/drafts/${id}`,
  versionsOf: (postId: number) => `${API}/posts/${postId}/versions/`,
  version: (postId: number, number: number) => `${API}/posts/${postId}/versions/${number}`,
  commentsOf: (postId: number) => `${API}/posts/${postId}/comments/`,
  comments: `${API}/comments/`,
  comment: (id: number) => `${API}/comments/${id}`,
  likesOf: (postId: number) => `${API}/posts/${postId}/likes/`,
  images: `${API}/images/`,
  image: (key: string) => `${API}/images/${key}`,
  user: (id: number) => `${API}/users/${id}`,
  postsWithTag: (tag: string) => `${API}/tags/${encodeURIComponent(tag)}/posts/`,
  followersOf: (userId: number) => `${API}/users/${userId}/followers/`,
  followedBy: (userId: number) => `${API}/users/${userId}/followed/`,
  blocks: `${API}/blocks/`,
  postsOf: (userId: number) => `${API}/users/${userId}/posts/`,
  notifications: `${API}/notifications/`,
  bookmarks: `${API}/bookmarks/`,
  followedTags: `${API}/followed-tags/`,
  timelineOf: (userId: number) => `${API}/users/${userId}/timeline/`,
  search: `${API}/search`,
} as const;

export const Path = (what: string) => Type.String({ description: `Path of ${what}.` });
export const Time = (what: string) =>
  Type.String({ format: 'date-time', description: `${what}, ISO 8601 in UTC.` });
const Page = (what: string) => Type.String({ description: `Path of ${what} on the site, for people.` });
const Username = (whose: string) => Type.String({ description: `Username of ${whose}. It can change.` });
const Count = (what: string) => Type.Integer({ minimum: 0, description: `Number of ${what}.` });

/** A text that may be null. A single type serialises faster than a union. */
export const NullableText = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description });

/** A schema that others refer to by name. */
export function named<const Id extends string, Properties extends TProperties>(
  $id: Id,
  properties: Properties,
) {
  return Object.assign(Type.Object(properties, { additionalProperties: false }), { $id });
}

export const Post = named('Post', {
  url: Path('the post'),
  html_url: Page('its page'),
  title: NullableText('Its title, or null.'),
  body: Type.String({ description: 'The text in Markdown.' }),
  body_html: Type.String({ description: 'The text as sanitised HTML.' }),
  tags: Type.Array(Type.String(), { description: 'Its tags, in lower case, including those in the text.' }),
  visibility: visibility(),
  timestamp: Time('When it was published'),
  edited_at: NullableText('When it was last edited, ISO 8601 in UTC, or null.'),
  author_url: Path('who wrote it'),
  author_username: Username('who wrote it'),
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

export const Comment = named('Comment', {
  url: Path('the comment'),
  html_url: Page('its page'),
  post_url: Path('its post'),
  parent_url: NullableText(
    'Path of the comment that it replies to. Null if it is not a reply, or if that was deleted.',
  ),
  body: NullableText('The text in Markdown, or null if hidden by a moderator.'),
  body_html: NullableText('The text as sanitised HTML, or null if hidden by a moderator.'),
  timestamp: Time('When it was published'),
  edited_at: NullableText('When it was last edited, ISO 8601 in UTC, or null.'),
  author_url: Path('who wrote it'),
  author_username: Username('who wrote it'),
});

const userProperties = {
  url: Path('the person'),
  html_url: Page('their profile'),
  username: Type.String({ description: 'It can change; `url` does not.' }),
  name: Type.String({ description: 'Their real name, or empty.' }),
  location: Type.String({ description: 'Where they are, or empty.' }),
  about_me: Type.String({ description: 'What they say about themselves, as plain text, or empty.' }),
  member_since: Time('When they joined'),
  last_seen: Time('When they were last seen, to the minute'),
  posts_url: Path('their posts'),
  followed_posts_url: Path('their own timeline, which only they can read'),
  followers_url: Path('the people who follow them'),
  followed_url: Path('the people they follow'),
  post_count: Count('posts'),
  comment_count: Count('comments'),
  follower_count: Count('people who follow them'),
  followed_count: Count('people they follow'),
  pinned_post_url: NullableText('Path of the post at the top of their profile, or null.'),
};

export const User = named('User', userProperties);

export const Me = named('Me', {
  ...userProperties,
  permissions: Type.Array(Type.Enum(PERMISSION_NAMES), {
    description:
      'What you may do. Only what also needs no permission, if a moderator has stopped you from writing.',
  }),
  scope: Type.Unsafe<TokenScope>({
    type: 'string',
    enum: ['read', 'write'],
    description: 'Of the token: with `read`, it can change nothing, whatever you may do.',
  }),
  silenced_until: NullableText('Until when a moderator lets you only read, ISO 8601 in UTC, or null.'),
  unread_notification_count: Count('unread notifications, up to 100'),
});

const listedUserProperties = { url: Path('the person'), username: Username('the person') };

export const ListedUser = named('ListedUser', listedUserProperties);

export const Follow = named('Follow', {
  ...listedUserProperties,
  timestamp: Time('When one began to follow the other'),
});

export const Block = named('Block', {
  ...listedUserProperties,
  kind: Type.Unsafe<BlockKind>({
    type: 'string',
    enum: ['mute', 'block'],
    description: 'Whether they are muted or blocked.',
  }),
  timestamp: Time('When they were muted or blocked'),
});

export const FollowedTag = named('FollowedTag', {
  tag: Type.String({ description: 'In lower case, without `#`.' }),
  posts_url: Path('the posts with the tag'),
  timestamp: Time('When you began to follow it'),
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
  actor_username: NullableText('Their username, or null.'),
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

export const pageOf = {
  prev: NullableText('Path of the previous page, or null.'),
  next: NullableText('Path of the next page, or null.'),
  count: Count('items on all pages: exact up to 10,000, an estimate beyond'),
};

export const PostPage = named('PostPage', { posts: Type.Array(ref(Post)), ...pageOf });
export const CommentPage = named('CommentPage', { comments: Type.Array(ref(Comment)), ...pageOf });
export const DraftPage = named('DraftPage', { drafts: Type.Array(ref(ListedDraft)), ...pageOf });
export const LikerPage = named('LikerPage', { users: Type.Array(ref(ListedUser)), ...pageOf });
export const FollowPage = named('FollowPage', { users: Type.Array(ref(Follow)), ...pageOf });
export const BlockPage = named('BlockPage', { users: Type.Array(ref(Block)), ...pageOf });
export const TagPage = named('TagPage', { tags: Type.Array(ref(FollowedTag)), ...pageOf });
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
  ...[Post, Comment, User, Me, Image, Notification, Refused],
  ...[ListedDraft, Draft, DraftPage],
  ...[ListedUser, Follow, Block, FollowedTag, LikerPage, FollowPage, BlockPage, TagPage],
  SearchResult,
  SearchPage,
  ...[PostPage, CommentPage, ImagePage, NotificationPage],
];

/** Refers to a schema by name. */
export function ref<Schema extends TSchema & { $id: string }>({ $id }: Schema, options: object = {}) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${$id}#`, ...options });
}
