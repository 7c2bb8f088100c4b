import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { countNotifications, listNotifications } from '../../domain/notifications/list.ts';
import { markAllRead } from '../../domain/notifications/read.ts';
import { countUnread } from '../../domain/notifications/unread.ts';
import { MAX_ID } from '../../domain/page.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentNotification } from './present.ts';
import { needs, refusals } from './requests.ts';
import { NotificationPage, paths, ref } from './resources.ts';

const tags = ['Notifications'];

/** Notifications on a page. */
const PAGE_SIZE = 30;

const listing = {
  tags,
  operationId: 'listNotifications',
  ...needs(),
  summary: 'List your notifications, newest first',
  description:
    'They are kept for 90 days. Pages leave out notifications from people you have muted or blocked, so they may be shorter.',
  querystring: Type.Object(
    {
      ...PageQuery.properties,
      unread: Type.Optional(Type.Literal('true', { description: 'Only unread ones.' })),
    },
    { additionalProperties: false, description: 'At most one of page, before and after.' },
  ),
  response: { 200: ref(NotificationPage, { description: 'A page of notifications.' }), ...refusals(400) },
};

const marking = {
  tags,
  operationId: 'markNotificationsRead',
  ...needs(),
  summary: 'Mark your notifications as read',
  body: Type.Object(
    {
      last_id: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: MAX_ID,
          description: 'The newest one you have seen; newer ones stay unread. By default, marks all.',
          examples: [1],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: { 204: Type.Null({ description: 'Marked.' }), ...refusals(400, 413, 415) },
};

const notifications: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;

  app.get('/notifications/', { schema: listing }, async (request, reply) => {
    const { unread, ...place } = request.query;
    const isUnread = unread !== undefined;
    const { id: recipientId } = callerOf(request);
    const filter = { recipientId, isUnread };
    const page = await listNotifications(db, filter, pageRequest(place, PAGE_SIZE));
    const total = await countNotifications(db, filter);
    const path = paths.notifications + (isUnread ? '?unread=true' : '');
    return {
      notifications: page.items.map(presentNotification),
      ...linkPages(reply, { path }, { ...page, total }),
      unread_count: (await countUnread(db, [recipientId])).get(recipientId) ?? 0,
    };
  });

  app.post('/notifications/read', { schema: marking, config: { limit: 'read' } }, async (request, reply) => {
    await markAllRead(db, callerOf(request).id, request.body.last_id ?? MAX_ID);
    return reply.code(204).send(null);
  });
};

export default notifications;
