import type { FastifyInstance } from 'fastify';
import { Permission } from '../../../domain/accounts/roles.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { describeResult, readClock, recordAction } from '../../../queue/index.ts';
import { requirePermission } from '../../guards.ts';
import { ask, backTo, isConfirmed } from './ask.ts';
import {
  doToQueue,
  doToSchedule,
  doToWorker,
  isJobAction,
  isScheduleAction,
  isWorkerAction,
  readCommand,
} from './commands.ts';
import { FilterFields, searchFrom, withFields } from './filter.ts';

/** Actions on jobs, queues, schedules and workers. A page asks for confirmation, a POST acts, and the audit log records it. */
export default async function actions(app: FastifyInstance): Promise<void> {
  const { db, queueAdmin } = app;
  app.addHook('onRequest', requirePermission(Permission.OPERATE_JOBS));

  app.get('/ask', async (request, reply) => ask(request, reply, await readCommand(app, request.query)));

  app.post('/do', { config: { isLong: true } }, async (request, reply) => {
    const command = await readCommand(app, request.readForm(FilterFields).data);
    const { action, fields, worker, schedule } = command;
    const { count: typed, ...about } = fields;
    const startedAt = await readClock(db);
    let message: string;
    if (isJobAction(action)) {
      const filter = await searchFrom(request, fields);
      if (!(await isConfirmed(db, action, { filter, typed }))) {
        return ask(request, reply.code(422), { ...command, fields: { ...fields, count: typed ?? '' } });
      }
      message = describeResult(action, await queueAdmin.act(db, action, filter));
    } else if (isWorkerAction(action)) message = await doToWorker(db, action, worker);
    else if (isScheduleAction(action)) message = await doToSchedule(app, action, schedule);
    else message = await doToQueue(db, action, fields.queue ?? '');
    const { username } = currentUser(request);
    const subject = withFields('', about).replace(/^\?/, '') || 'all queues';
    await recordAction(db, { username, action: message, subject });
    await sessionOf(request).flash(message);
    return reply.redirect(backTo(command, startedAt), 303);
  });
}
