import type { FastifyInstance } from 'fastify';
import { MODERATION_KINDS } from '../../domain/moderation/person.ts';
import { findUndoable, undo } from '../../domain/moderation/undo.ts';
import { listEvents } from '../../domain/security-events/list.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { describeEvent, KIND_NAMES, MODERATION, readActivityQuery } from '../web/activity.ts';
import { localPath } from '../web/auth/local-path.ts';
import { idFrom, type WithId, type WithNext } from '../web/params.ts';
import { withFields } from './jobs/filter.ts';

const PATH = '/admin/activity';

/** Activity on all accounts, for Administrators, who can undo what moderators did. */
export default async function activity(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;

  app.get('/', async (request, reply) => {
    const { before, ...filter } = readActivityQuery(request.query);
    const { username, kind } = filter;
    const kinds = kind === MODERATION ? MODERATION_KINDS : kind && [kind];
    const { events, next } = await listEvents(db, { username, kinds }, before);
    const ids = events.map(({ id }) => id);
    return reply.page('admin/activity', {
      title: 'Activity',
      events,
      undoable: await findUndoable(db, ids),
      back: `?next=${encodeURIComponent(request.url)}`,
      olderHref: next && withFields(PATH, { ...filter, before: String(next) }),
      filter,
      kinds: [[MODERATION, 'All moderation'], ...Object.entries(KIND_NAMES)],
      describeEvent,
    });
  });

  app.post<WithId & WithNext>('/:id/undo', async (request, reply) => {
    await undo({ db, queue }, currentUser(request), idFrom(request.params.id));
    await sessionOf(request).flash('The action has been undone, and the log records it.');
    return reply.redirect(localPath(request.query.next) ?? PATH, 303);
  });
}
