import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { queueContracts } from '../../../all-queues.ts';
import { Permission } from '../../../domain/accounts/roles.ts';
import type { SessionUser } from '../../../domain/sessions/find.ts';
import { noSuch } from '../../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import {
  EACH_KEY,
  listLimits,
  listOpenBreakers,
  parseRate,
  probeNow,
  RATE_FORMAT,
  type Rate,
  recordAction,
  setLimit,
  TooManyLimits,
  WHOLE_QUEUE,
} from '../../../queue/index.ts';
import { requirePermission } from '../../guards.ts';
import { redactionFor } from './clearance.ts';

const LimitForm = Type.Object({
  queue: Type.String({ maxLength: 100 }),
  key: Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' }),
  rate: Type.String({ maxLength: 30 }),
});

const RemoveForm = Type.Pick(LimitForm, ['queue', 'key']);
const TryForm = Type.Pick(LimitForm, ['queue']);

/** Limits on how many jobs may start. Operators set and remove them, and make a waiting queue try again. */
export default async function limits(app: FastifyInstance): Promise<void> {
  const { db } = app;

  const mayChange = { onRequest: requirePermission(Permission.OPERATE_JOBS) };

  app.get('/limits', (request, reply) => show(request, reply, EMPTY_FORM));

  app.post('/limits', mayChange, async (request, reply) => {
    const form = request.readForm(LimitForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const contract = contractOf(form.data.queue);
    const key = form.data.key.trim().toLowerCase();
    if (key !== WHOLE_QUEUE && contract.limitedBy === undefined) {
      const message = `Jobs in ${contract.name} can only be limited together. Leave this empty.`;
      return show(request, reply.code(422), form.refuse('key', message));
    }
    const rate = parseRate(form.data.rate);
    if (rate === undefined)
      return show(request, reply.code(422), form.refuse('rate', `Enter ${RATE_FORMAT}.`));
    try {
      const message = await change(app, currentUser(request), { queue: contract.name, key, rate });
      await sessionOf(request).flash(message);
    } catch (error) {
      if (!(error instanceof TooManyLimits)) throw error;
      return show(request, reply.code(422), form.refuse('rate', error.message));
    }
    return reply.redirect('/admin/jobs/limits', 303);
  });

  app.post('/limits/remove', mayChange, async (request, reply) => {
    const { data } = request.readForm(RemoveForm);
    if (data === undefined) throw noSuch('limit');
    const message = await change(app, currentUser(request), {
      ...data,
      queue: contractOf(data.queue).name,
      rate: undefined,
    });
    await sessionOf(request).flash(message);
    return reply.redirect('/admin/jobs/limits', 303);
  });

  app.post('/limits/try', mayChange, async (request, reply) => {
    const { name: queue } = contractOf(request.readForm(TryForm).data?.queue);
    const { username } = currentUser(request);
    const action = `Queue ${queue} tries again.`;
    await db.transaction().execute(async (trx) => {
      await probeNow(trx, queue);
      await recordAction(trx, { username, action, subject: `queue=${queue}` });
    });
    await sessionOf(request).flash(action);
    return reply.redirect('/admin/jobs/limits', 303);
  });
}

/** Sets or removes a limit, and records it in the audit log. Returns what was done. */
async function change(
  { db }: FastifyInstance,
  { username }: SessionUser,
  limit: { queue: string; key: string; rate: Rate | undefined },
): Promise<string> {
  const { queue, key, rate } = limit;
  const jobs = key === WHOLE_QUEUE ? `all jobs in ${queue}` : `jobs in ${queue} for ${nameOf(queue, key)}`;
  const action = rate === undefined ? `Limit of ${jobs} removed.` : `Limit of ${jobs} set to ${rate}.`;
  await db.transaction().execute(async (trx) => {
    await setLimit(trx, limit);
    await recordAction(trx, { username, action, subject: `queue=${queue}` });
  });
  return action;
}

async function show(request: FastifyRequest, reply: FastifyReply, form: FormState) {
  const { db } = request.server;
  const set = await listLimits(db);
  const declared = queueContracts.flatMap(({ name, rate }) => {
    const isReplaced = set.some(({ queue, key }) => queue === name && key === WHOLE_QUEUE);
    return rate === undefined || isReplaced
      ? []
      : [{ queue: name, key: WHOLE_QUEUE, rate, isDeclared: true }];
  });
  return reply.page('admin/jobs/limits', {
    title: 'Limits',
    form,
    redactText: redactionFor(sessionOf(request).user).text,
    breakers: await listOpenBreakers(db),
    limits: [...set, ...declared].map((limit) => ({ ...limit, jobs: nameOf(limit.queue, limit.key) })),
    queues: queueContracts.map(({ name }) => [name, name]),
    keyed: queueContracts.filter(({ limitedBy }) => limitedBy !== undefined),
  });
}

/** @throws DomainError `not-found` for an unknown queue */
function contractOf(queue: string | undefined) {
  const contract = queueContracts.find(({ name }) => name === queue);
  if (contract === undefined) throw noSuch('queue');
  return contract;
}

/** The jobs of a key, in words. */
function nameOf(queue: string, key: string): string {
  if (key === WHOLE_QUEUE) return 'all jobs';
  return key === EACH_KEY ? `each ${contractOf(queue).limitedBy ?? 'key'}` : key;
}
