import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { findModerated, listModeration } from '../../domain/moderation/person.ts';
import {
  liftSanctions,
  maySanction,
  SANCTIONS,
  sanction,
  untilWhen,
} from '../../domain/moderation/sanction.ts';
import { moderateTexts } from '../../domain/moderation/texts.ts';
import { removePictureOf } from '../../domain/pictures/remove.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { describeEvent } from './activity.ts';
import { idFrom, type WithId } from './params.ts';
import { whyFrom } from './why.ts';

/** How long a sanction may last, in days; null if it has no end. */
const PERIODS = { '1': 1, '7': 7, '30': 30, '365': 365, forever: null } as const;

const SanctionForm = Type.Object({
  kind: Type.Enum([...SANCTIONS]),
  period: Type.Enum(['1', '7', '30', '365', 'forever']),
  reason: Type.String({ minLength: 1, maxLength: 500 }),
});

/** Where moderators act on a person. */
export default async function moderatePeople(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;

  app.get<WithId>('/people/:id', (request, reply) => show(request, reply, EMPTY_FORM));

  app.post<WithId>('/people/:id', async (request, reply) => {
    const form = request.readForm(SanctionForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { kind, period, reason } = form.data;
    const decision = { kind, days: PERIODS[period], reason };
    await sanction({ db, queue }, currentUser(request), idFrom(request.params.id), decision);
    return done(request, reply, 'Done. We’re emailing them the reason.');
  });

  app.post<WithId>('/people/:id/lift', async (request, reply) => {
    const id = idFrom(request.params.id);
    await liftSanctions({ db, queue }, currentUser(request), id, whyFrom(request));
    return done(request, reply, 'They can log in and write again. We’re emailing them.');
  });

  app.post<WithId>('/people/:id/remove-picture', async (request, reply) => {
    await removePictureOf(db, currentUser(request), idFrom(request.params.id));
    return done(request, reply, 'The picture has been removed.');
  });

  for (const [verb, isDisabled] of [
    ['hide', true],
    ['show', false],
  ] as const) {
    app.post<WithId>(`/people/:id/${verb}-texts`, async (request, reply) => {
      const id = idFrom(request.params.id);
      await moderateTexts({ db, queue }, currentUser(request), id, isDisabled, whyFrom(request));
      return done(
        request,
        reply,
        `All posts and comments will be ${isDisabled ? 'hidden' : 'shown'} in a moment.`,
      );
    });
  }

  async function show(request: FastifyRequest<WithId>, reply: FastifyReply, form: FormState) {
    const person = await findModerated(db, idFrom(request.params.id));
    const { silencedUntil, suspendedUntil } = person;
    return reply.page('moderate-person', {
      title: `Moderate ${person.username}`,
      form,
      person,
      maySanction: maySanction(currentUser(request), person),
      silenced: silencedUntil && untilWhen(silencedUntil),
      suspended: suspendedUntil && untilWhen(suspendedUntil),
      history: await listModeration(db, person.id),
      describeEvent,
    });
  }
}

async function done(request: FastifyRequest<WithId>, reply: FastifyReply, message: string) {
  await sessionOf(request).flash(message);
  return reply.redirect(`/moderate/people/${idFrom(request.params.id)}`, 303);
}
