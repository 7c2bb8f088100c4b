import type { ApiToken } from '../api-tokens/list.ts';
import type { Draft } from '../drafts/draft.ts';
import type { ListedFile } from '../images/find.ts';
import type { MarkedPost } from '../likes/list.ts';
import type { ListedNotification } from '../notifications/list.ts';
import type { ListedPasskey } from '../passkeys/list.ts';
import { visibilityOf } from '../posts/visibility.ts';
import type { OwnEvent } from '../security-events/list.ts';
import type { ListedSession } from '../sessions/list.ts';

export function markJson({ postId }: MarkedPost): object {
  return { post_path: `/post/${postId}` };
}

/** Markdown names an image by its key. */
export function imageName({ key }: ListedFile): string {
  return `images/${key}.webp`;
}

export function imageJson(image: ListedFile): object {
  return { file: imageName(image), timestamp: image.createdAt, alternative_text: image.alt };
}

export function draftJson({ title, body, tags, isUnlisted, updatedAt, publishAt }: Draft): object {
  return {
    edited: updatedAt,
    publish_at: publishAt,
    visibility: visibilityOf(isUnlisted),
    title,
    body,
    tags,
  };
}

export function sessionJson({ userAgent, address, createdAt, lastSeenAt }: ListedSession): object {
  return { browser: userAgent, address, logged_in: createdAt, last_seen: lastSeenAt };
}

export function passkeyJson({ name, createdAt, lastUsedAt }: ListedPasskey): object {
  return { name, created: createdAt, last_used: lastUsedAt };
}

export function tokenJson({ name, scope, createdAt, expiresAt, lastUsedAt }: ApiToken): object {
  return { name, scope, created: createdAt, expires: expiresAt, last_used: lastUsedAt };
}

export function notificationJson(notification: ListedNotification): object {
  const { kind, createdAt, isRead, actorUsername, postId, commentId } = notification;
  return { kind, timestamp: createdAt, is_read: isRead, by: actorUsername, post: postId, comment: commentId };
}

export function eventJson({ kind, at, address, detail, isByStaff }: OwnEvent): object {
  return { kind, timestamp: at, address, by_staff: isByStaff, detail };
}
