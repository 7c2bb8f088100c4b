import { type Static, type TSchema, Type } from 'typebox';
import type { TokenScope } from '../../database/account-tables.ts';
import type { BlockKind, NotificationKind } from '../../database/schema.ts';
import { PERMISSION_NAMES } from '../../domain/accounts/roles.ts';
import {
  Count,
  NullablePath,
  NullableText,
  NullableTime,
  named,
  Page,
  Path,
  Text,
  Time,
  Username,
  visibility,
  Word,
} from './fields.ts';

/** The schemas of the API's resources, which `present.ts` fills. Schemas with an `$id` are named in the document. */

export const API = '/api/v1';

/** The path of each resource. */
export const paths = {
  posts: `${API}/posts/`,
  post: (id: number) => `${API}/posts/${id}`,
  draft: (id: number) => `${API}/drafts/${id}`,
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

/** The key of the image in the examples. */
export const EXAMPLE_KEY = 'Jq3vXy8RkTn5WbZc2LmPdQ';

export const Post = named('Post', {
  url: Path('the post', paths.post(1)),
  html_url: Page('its page', '/post/1/on-bread'),
  title: NullableText('Its title, or null.', 'On bread'),
  body: Text('The text in Markdown.', 'Flour, water, salt and *time*.'),
  body_html: Text('The text as sanitised HTML.', '<p>Flour, water, salt and <em>time</em>.</p>'),
  tags: Type.Array(Type.String({ examples: ['bread'] }), {
    description: 'Its tags, in lower case, including those in the text.',
  }),
  visibility: visibility(),
  timestamp: Time('When it was published'),
  edited_at: NullableTime('When it was last edited'),
  author_url: Path('who wrote it', paths.user(1)),
  author_username: Username('who wrote it'),
  comments_url: Path('its comments', paths.commentsOf(1)),
  comment_count: Count('comments', 1),
  like_count: Count('likes, up to 100', 1),
});

/** What lists show of a draft. */
const draftProperties = {
  url: Path('the draft', paths.draft(1)),
  title: NullableText('Its title, or null.', 'On bread'),
  edited_at: Time('When it was last saved'),
  publish_at: NullableTime('When it will be published'),
  refused_because: NullableText(
    'Why it was not published when it was due: `not-allowed` or `unfinished`; otherwise null.',
    null,
  ),
};

export const ListedDraft = named('ListedDraft', draftProperties);

export const Draft = named('Draft', {
  ...draftProperties,
  body: Text('The text in Markdown.', 'Flour, water, salt'),
  tags: Type.Array(Type.String({ examples: ['bread'] }), {
    description: 'Its tags besides those in the text, as they were typed.',
  }),
  visibility: visibility(),
});

export const Comment = named('Comment', {
  url: Path('the comment', paths.comment(1)),
  html_url: Page('its page', '/comment/1'),
  post_url: Path('its post', paths.post(1)),
  parent_url: NullableText(
    'Path of the comment that it replies to. Null if it is not a reply, or if that was deleted.',
    null,
  ),
  body: NullableText('The text in Markdown, or null if hidden by a moderator.', 'How *much* time?'),
  body_html: NullableText(
    'The text as sanitised HTML, or null if hidden by a moderator.',
    '<p>How <em>much</em> time?</p>',
  ),
  timestamp: Time('When it was published'),
  edited_at: NullableTime('When it was last edited'),
  author_url: Path('who wrote it', paths.user(1)),
  author_username: Username('who wrote it'),
});

const userProperties = {
  url: Path('the user', paths.user(1)),
  html_url: Page('their profile', '/user/john'),
  username: Text('It can change; `url` does not.', 'john'),
  name: Text('Their real name, or empty.', 'John Dough'),
  location: Text('Where they are, or empty.', 'Vienna'),
  about_me: Text('What they say about themselves, as plain text, or empty.', 'Baker'),
  member_since: Time('When they joined'),
  last_seen: Time('When they were last seen, to the minute'),
  posts_url: Path('their posts', paths.postsOf(1)),
  followed_posts_url: Path('their own timeline, which only they can read', paths.timelineOf(1)),
  followers_url: Path('the people who follow them', paths.followersOf(1)),
  followed_url: Path('the people they follow', paths.followedBy(1)),
  post_count: Count('posts', 1),
  comment_count: Count('comments', 1),
  follower_count: Count('people who follow them', 1),
  followed_count: Count('people they follow', 1),
  pinned_post_url: NullablePath('the post at the top of their profile', paths.post(1)),
};

export const User = named('User', userProperties);

export const Me = named('Me', {
  ...userProperties,
  permissions: Type.Array(Word(PERMISSION_NAMES, 'A permission.'), {
    description: 'Your permissions. Empty while a moderator has stopped you from writing.',
  }),
  scope: Word<TokenScope>(
    ['write', 'read'],
    'The scope of the token. With `read`, it cannot change anything.',
  ),
  silenced_until: NullableTime('When you may write again after a moderator has stopped you'),
  unread_notification_count: Count('unread notifications, up to 100', 1),
});

const listedUserProperties = {
  url: Path('the user', paths.user(2)),
  username: Username('the user', 'susan'),
};

export const ListedUser = named('ListedUser', listedUserProperties);

export const Follow = named('Follow', {
  ...listedUserProperties,
  timestamp: Time('When one began to follow the other'),
});

export const Block = named('Block', {
  ...listedUserProperties,
  kind: Word<BlockKind>(['mute', 'block'], 'Whether they are muted or blocked.'),
  timestamp: Time('When they were muted or blocked'),
});

export const FollowedTag = named('FollowedTag', {
  tag: Text('In lower case, without `#`.', 'bread'),
  posts_url: Path('the posts with the tag', paths.postsWithTag('bread')),
  timestamp: Time('When you began to follow it'),
});

export const Notification = named('Notification', {
  id: Type.Integer({ description: 'Increases with time.', examples: [1] }),
  kind: Word<NotificationKind>(
    ['comment', 'reply', 'mention', 'follow', 'like', 'moderation'],
    'What happened.',
  ),
  is_read: Type.Boolean({ description: 'Whether you have read it.', examples: [false] }),
  timestamp: Time('When it happened'),
  actor_url: NullableText('Path of who did it, or null for a moderator’s decision.', paths.user(2)),
  actor_username: NullableText('Their username, or null.', 'susan'),
  post_url: NullablePath('the post it is about', paths.post(1)),
  comment_url: NullablePath('the comment it is about', paths.comment(1)),
});

export const Image = named('Image', {
  url: Path('the image', paths.image(EXAMPLE_KEY)),
  markdown: Text('The Markdown that shows it in your posts.', `![A loaf](/images/${EXAMPLE_KEY})`),
  file_url: Path(
    'its largest file, in WebP. Only you can read it until one of your posts shows the image',
    `/images/${EXAMPLE_KEY}/1600.webp`,
  ),
  alt_text: Text('What it shows. Empty if it is decorative.', 'A loaf'),
  width: Count('pixels from left to right', 1600),
  height: Count('pixels from top to bottom', 1200),
  timestamp: Time('When it was uploaded'),
});

export const Refused = named('Error', {
  error: Text('The name of the status.', 'bad request'),
  message: Type.Optional(Text('A human-readable explanation.', 'post does not have a body')),
});

export const SearchResult = named('SearchResult', {
  url: Path('the post, comment or user', paths.post(1)),
  username: Username('the author, or of the user found'),
  excerpt: Text(
    'Plain text around the words found, or the user’s “about me”.',
    'Flour, water, salt and time.',
  ),
  timestamp: Time('When it was published, or the user joined'),
});

export const pageProperties = {
  prev: NullablePath('the previous page', null),
  next: NullablePath('the next page', null),
  count: Count('items on all pages: exact up to 10,000, an estimate beyond', 1),
};

export const PostPage = named('PostPage', { posts: Type.Array(ref(Post)), ...pageProperties });
export const CommentPage = named('CommentPage', { comments: Type.Array(ref(Comment)), ...pageProperties });
export const DraftPage = named('DraftPage', { drafts: Type.Array(ref(ListedDraft)), ...pageProperties });
export const LikerPage = named('LikerPage', { users: Type.Array(ref(ListedUser)), ...pageProperties });
export const FollowPage = named('FollowPage', { users: Type.Array(ref(Follow)), ...pageProperties });
export const BlockPage = named('BlockPage', { users: Type.Array(ref(Block)), ...pageProperties });
export const TagPage = named('TagPage', { tags: Type.Array(ref(FollowedTag)), ...pageProperties });
export const ImagePage = named('ImagePage', { images: Type.Array(ref(Image)), ...pageProperties });
export const SearchPage = named('SearchPage', { results: Type.Array(ref(SearchResult)), ...pageProperties });

export const NotificationPage = named('NotificationPage', {
  notifications: Type.Array(ref(Notification)),
  ...pageProperties,
  unread_count: Count('unread notifications, up to 100', 1),
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
