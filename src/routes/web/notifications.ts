import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type ListedNotification, listNotifications } from '../../domain/notifications/list.ts';
import { findSubject, markAllRead, markRead, type Subject } from '../../domain/notifications/read.ts';
import { excerptOf } from '../../domain/posts/excerpt.ts';
import { EVENT_STREAM_HEADERS } from '../../plugins/event-streams.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { describeEvent } from './activity.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, type WithId } from './params.ts';

const ReadForm = Type.Object({ last: Type.String({ pattern: '^\\d{1,10}$' }) });

/** Notifications on a page. */
const PAGE_SIZE = 30;

/** Characters of a text that a notification shows. */
const MAX_EXCERPT_LENGTH = 140;

export default async function notifications(app: FastifyInstance): Promise<void> {
  app.register(events);
  app.register(ownNotifications);
}

/** The counts of unread notifications, as server-sent events. */
async function events(app: FastifyInstance): Promise<void> {
  const endless = { exposeHeadRoute: false, config: { isEndless: true } };
  app.get('/notifications/events', endless, async (request, reply) => {
    const { user, hash } = sessionOf(request);
    const isWelcome = user?.isConfirmed && hash !== undefined;
    const stream = isWelcome && app.unreadStreams.open({ userId: user.id, session: hash }, user.unreadCount);
    if (!stream) return reply.code(204).send(); // Tells browsers not to try again.
    return reply.headers(EVENT_STREAM_HEADERS).send(stream);
  });
}

async function ownNotifications(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get('/notifications', async (request, reply) => {
    const place = placeFrom(request.query);
    const reader = { recipientId: currentUser(request).id };
    const page = await listNotifications(db, reader, { ...place, size: PAGE_SIZE });
    return reply.page('notifications', {
      title: 'Notifications',
      notifications: gatherLikes(page.items).map(describe),
      lastId: page.items[0]?.id,
      pagination: paginate(page, { path: '/notifications', place }),
    });
  });

  // Redirects to the subject of a notification, and marks it as read.
  app.get<WithId>('/notifications/:id', async (request, reply) => {
    const { id: userId } = currentUser(request);
    const id = idFrom(request.params.id);
    const subject = await findSubject(db, userId, id);
    if (isVisit(request)) await markRead(db, userId, id);
    return reply.header('cache-control', 'private, no-store').redirect(pathOf(subject), 303);
  });

  app.post('/notifications/read', { config: { limit: 'read' } }, async (request, reply) => {
    const { data } = request.readForm(ReadForm);
    if (data !== undefined) await markAllRead(db, currentUser(request).id, idFrom(data.last));
    return reply.redirect('/notifications', 303);
  });
}

/** Whether somebody opens the page, instead of their browser prefetching it. */
function isVisit({ method, headers }: FastifyRequest): boolean {
  const purpose = `${headers['sec-purpose'] ?? ''}${headers.purpose ?? ''}`;
  return method === 'GET' && !purpose.includes('prefetch');
}

/** The page that a notification leads to. */
function pathOf({ kind, postId, commentId, actorUsername }: Subject): string {
  if (kind === 'moderation') return '/auth/activity';
  if (commentId !== null) return `/comment/${commentId}`;
  return postId === null ? `/user/${actorUsername}` : `/post/${postId}`;
}

/** A notification, with the names of all who did the same. */
interface Gathered extends ListedNotification {
  readonly names: readonly string[];
}

/** Merges a page's likes of the same post into the newest of them. */
function gatherLikes(items: readonly ListedNotification[]): Gathered[] {
  const groups = Map.groupBy(items, ({ id, kind, postId, commentId }) =>
    kind === 'like' ? `like ${postId} ${commentId}` : id,
  );
  return [...groups.values()].flatMap(([newest, ...older]) => {
    if (newest === undefined) return [];
    const all = [newest, ...older];
    const names = all.map(({ actorUsername }) => actorUsername ?? 'A moderator');
    return { ...newest, names, isRead: all.every(({ isRead }) => isRead) };
  });
}

/** A notification as its page shows it. */
function describe({ id, isRead, createdAt, textHtml, ...notification }: Gathered) {
  const { actorAvatarSeed: seed, actorPictureHash: picture, decision, detail } = notification;
  const excerpt =
    decision && detail
      ? describeEvent({ kind: decision, detail })
      : excerptOf(textHtml ?? '', MAX_EXCERPT_LENGTH);
  const avatar = seed === null ? undefined : { seed, picture };
  return { id, isRead, createdAt, about: sentenceFor(notification), excerpt, avatar };
}

type Subjects = Pick<Gathered, 'kind' | 'names' | 'commentId' | 'postTitle'>;

function sentenceFor({ kind, names, commentId, postTitle }: Subjects): string {
  const title = postTitle === null ? '' : ` “${postTitle}”`;
  const on = title && ` on${title}`;
  switch (kind) {
    case 'comment':
      return `${names[0]} commented on your post${title}`;
    case 'reply':
      return `${names[0]} replied to your comment${on}`;
    case 'mention':
      return `${names[0]} mentioned you in ${commentId === null ? title.trim() || 'a post' : `a comment${on}`}`;
    case 'follow':
      return `${names[0]} follows you`;
    case 'like':
      return `${listOf(names)} liked your post${title}`;
    case 'moderation':
      return 'A moderator has made a decision about your account';
  }
}

/** “A”, “A and B”, “A, B and C”, “A, B and 2 others”. */
function listOf(names: readonly string[]): string {
  const [first, second, third, ...others] = names;
  if (second === undefined) return first ?? '';
  if (third === undefined) return `${first} and ${second}`;
  return `${first}, ${second} and ${others.length === 0 ? third : `${others.length + 1} others`}`;
}
