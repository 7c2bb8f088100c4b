import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import type { CommentSource } from '../../domain/comments/list.ts';
import type { OwnImage } from '../../domain/images/find.ts';
import { imageMarkdown, largestFilePath } from '../../domain/images/image.ts';
import type { Person } from '../../domain/people/find.ts';
import type { PostSource } from '../../domain/posts/list.ts';

/** The API's resources: their schemas, and the functions that fill them. Schemas with an `$id` are named in the document. */

export const API = '/api/v1';

/** The path of each resource. */
export const paths = {
  posts: `${API}/posts/`,
  post: (id: number) => `${API}/posts/${id}`,
  commentsOf: (postId: number) => `${API}/posts/${postId}/comments/`,
  comments: `${API}/comments/`,
  comment: (id: number) => `${API}/comments/${id}`,
  images: `${API}/images/`,
  image: (key: string) => `${API}/images/${key}`,
  user: (id: number) => `${API}/users/${id}`,
  postsOf: (userId: number) => `${API}/users/${userId}/posts/`,
  timelineOf: (userId: number) => `${API}/users/${userId}/timeline/`,
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

export const Post = named('Post', {
  url: Path('the post'),
  body: Type.String({ description: 'The text in Markdown.' }),
  body_html: Type.String({ description: 'The text as sanitised HTML.' }),
  timestamp: Time('When it was published'),
  author_url: Path('who wrote it'),
  comments_url: Path('its comments'),
  comment_count: Count('comments'),
});

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

/** All schemas that others refer to. */
export const NAMED_SCHEMAS = [Post, Comment, User, Image, Refused, PostPage, CommentPage, ImagePage];

/** Refers to a schema by name. */
export function ref<Schema extends TSchema & { $id: string }>({ $id }: Schema, options: object = {}) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${$id}#`, ...options });
}

export function presentPost(post: PostSource): Static<typeof Post> {
  return {
    url: paths.post(post.id),
    body: post.body,
    body_html: post.bodyHtml,
    timestamp: post.createdAt.toISOString(),
    author_url: paths.user(post.authorId),
    comments_url: paths.commentsOf(post.id),
    comment_count: post.commentCount,
  };
}

export function presentImage(image: OwnImage): Static<typeof Image> {
  return {
    url: paths.image(image.key),
    markdown: imageMarkdown(image),
    file_url: largestFilePath(image.key),
    alt_text: image.alt,
    width: image.width,
    height: image.height,
    timestamp: image.createdAt.toISOString(),
  };
}

/** @param seesDisabled whether the caller may read hidden comments */
export function presentComment(comment: CommentSource, seesDisabled: boolean): Static<typeof Comment> {
  const isHidden = comment.isDisabled && !seesDisabled;
  return {
    url: paths.comment(comment.id),
    post_url: paths.post(comment.postId),
    parent_url: comment.parentId === null ? null : paths.comment(comment.parentId),
    body: isHidden ? null : comment.body,
    body_html: isHidden ? null : comment.bodyHtml,
    timestamp: comment.createdAt.toISOString(),
    edited_at: comment.editedAt?.toISOString() ?? null,
    author_url: paths.user(comment.authorId),
  };
}

export function presentUser(person: Person): Static<typeof User> {
  return {
    url: paths.user(person.id),
    username: person.username,
    member_since: person.memberSince.toISOString(),
    last_seen: person.lastSeen.toISOString(),
    posts_url: paths.postsOf(person.id),
    followed_posts_url: paths.timelineOf(person.id),
    post_count: person.postCount,
  };
}
