import type { Static } from 'typebox';
import type { BlockedPerson } from '../../domain/blocks/list.ts';
import type { CommentSource } from '../../domain/comments/list.ts';
import type { Draft as WholeDraft } from '../../domain/drafts/draft.ts';
import type { ListedDraft as FoundDraft } from '../../domain/drafts/find.ts';
import type { Following } from '../../domain/follows/list.ts';
import type { OwnImage } from '../../domain/images/find.ts';
import { imageMarkdown, largestFilePath } from '../../domain/images/image.ts';
import type { ListedNotification } from '../../domain/notifications/list.ts';
import type { Person } from '../../domain/people/find.ts';
import type { PostSource } from '../../domain/posts/list.ts';
import { pathOfPost } from '../../domain/posts/path.ts';
import type { ListedVersion as FoundVersion, PostVersion } from '../../domain/posts/versions.ts';
import { visibilityOf } from '../../domain/posts/visibility.ts';
import type { Found } from '../../domain/search/search.ts';
import {
  type Block,
  type Comment,
  type Draft,
  type Follow,
  type FollowedTag,
  type Image,
  type ListedDraft,
  type ListedUser,
  type Notification,
  type Post,
  paths,
  type SearchResult,
  type User,
} from './resources.ts';
import type { ListedVersion, Version } from './version-resources.ts';

/** Converts rows to the API's resources. */

export function presentPost(post: PostSource): Static<typeof Post> {
  return {
    url: paths.post(post.id),
    html_url: pathOfPost(post),
    title: post.title,
    body: post.body,
    body_html: post.bodyHtml,
    tags: [...post.tags],
    visibility: visibilityOf(post.isUnlisted),
    timestamp: post.createdAt.toISOString(),
    edited_at: post.editedAt?.toISOString() ?? null,
    author_url: paths.user(post.authorId),
    author_username: post.authorUsername,
    comments_url: paths.commentsOf(post.id),
    comment_count: post.commentCount,
    like_count: post.likeCount,
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

export function presentListedDraft(draft: Omit<FoundDraft, 'beginning'>): Static<typeof ListedDraft> {
  return {
    url: paths.draft(draft.id),
    title: draft.title || null,
    edited_at: draft.updatedAt.toISOString(),
    publish_at: draft.publishAt?.toISOString() ?? null,
    refused_because: draft.refusedBecause,
  };
}

export function presentDraft(draft: WholeDraft): Static<typeof Draft> {
  const tags = draft.tags.split(/[\s,]+/).filter((tag) => tag !== '');
  return { ...presentListedDraft(draft), body: draft.body, tags, visibility: visibilityOf(draft.isUnlisted) };
}

export function presentListedVersion(
  postId: number,
  { number, writtenAt, writer, length }: FoundVersion,
): Static<typeof ListedVersion> {
  return {
    url: paths.version(postId, number),
    number,
    timestamp: writtenAt.toISOString(),
    writer_username: writer,
    is_deleted: length === null,
  };
}

export function presentVersion(postId: number, version: PostVersion): Static<typeof Version> {
  const { title, body, addedTags } = version;
  const listed = presentListedVersion(postId, { ...version, length: body?.length ?? null });
  return { ...listed, title, body, tags: [...addedTags] };
}

/** @param seesDisabled whether the caller may read hidden comments */
export function presentComment(comment: CommentSource, seesDisabled: boolean): Static<typeof Comment> {
  const isHidden = comment.isDisabled && !seesDisabled;
  return {
    url: paths.comment(comment.id),
    html_url: `/comment/${comment.id}`,
    post_url: paths.post(comment.postId),
    parent_url: comment.parentId === null ? null : paths.comment(comment.parentId),
    body: isHidden ? null : comment.body,
    body_html: isHidden ? null : comment.bodyHtml,
    timestamp: comment.createdAt.toISOString(),
    edited_at: comment.editedAt?.toISOString() ?? null,
    author_url: paths.user(comment.authorId),
    author_username: comment.authorUsername,
  };
}

export function presentUser(person: Person): Static<typeof User> {
  return {
    url: paths.user(person.id),
    html_url: `/user/${person.username}`,
    username: person.username,
    name: person.name,
    location: person.location,
    about_me: person.aboutMe,
    member_since: person.memberSince.toISOString(),
    last_seen: person.lastSeen.toISOString(),
    posts_url: paths.postsOf(person.id),
    followed_posts_url: paths.timelineOf(person.id),
    followers_url: paths.followersOf(person.id),
    followed_url: paths.followedBy(person.id),
    post_count: person.postCount,
    comment_count: person.commentCount,
    follower_count: person.followerCount,
    followed_count: person.followedCount,
    pinned_post_url: person.pinnedPostId === null ? null : paths.post(person.pinnedPostId),
  };
}

export function presentListedUser(person: { personId: number; username: string }): Static<typeof ListedUser> {
  return { url: paths.user(person.personId), username: person.username };
}

export function presentFollow(follow: Following): Static<typeof Follow> {
  return { ...presentListedUser(follow), timestamp: follow.since.toISOString() };
}

export function presentBlock(block: BlockedPerson): Static<typeof Block> {
  return { ...presentListedUser(block), kind: block.kind, timestamp: block.since.toISOString() };
}

export function presentFollowedTag({ tag, since }: { tag: string; since: Date }): Static<typeof FollowedTag> {
  return { tag, posts_url: paths.postsWithTag(tag), timestamp: since.toISOString() };
}

export function presentFound(found: Found): Static<typeof SearchResult>[] {
  if (found.kind === 'people') {
    return found.page.items.map(({ id, username, aboutMe, memberSince }) => ({
      url: paths.user(id),
      username,
      excerpt: aboutMe,
      timestamp: memberSince.toISOString(),
    }));
  }
  const pathOf = found.kind === 'posts' ? paths.post : paths.comment;
  return found.page.items.map(({ id, authorUsername, excerpt, createdAt }) => ({
    url: pathOf(id),
    username: authorUsername,
    excerpt: excerpt.map(({ text }) => text).join(''),
    timestamp: createdAt.toISOString(),
  }));
}

export function presentNotification(notification: ListedNotification): Static<typeof Notification> {
  const { id, kind, isRead, createdAt, actorId, actorUsername, postId, commentId } = notification;
  return {
    id,
    kind,
    is_read: isRead,
    timestamp: createdAt.toISOString(),
    actor_url: actorId === null ? null : paths.user(actorId),
    actor_username: actorUsername,
    post_url: postId === null ? null : paths.post(postId),
    comment_url: commentId === null ? null : paths.comment(commentId),
  };
}
