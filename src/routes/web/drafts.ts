import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { findDraft, listDrafts } from '../../domain/drafts/find.ts';
import { createDraft, deleteDraft, saveDraft } from '../../domain/drafts/save.ts';
import { scheduleDraft, unscheduleDraft } from '../../domain/drafts/schedule.ts';
import { MAX_BODY_LENGTH } from '../../domain/markdown/text.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { visibilityOf } from '../../domain/posts/visibility.ts';
import { DomainError } from '../../errors.ts';
import { wantsJson } from '../../plugins/errors.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { isUnlistedIn, momentFields, momentFrom, postFields, postOf } from './fields.ts';
import { idFrom, type WithId } from './params.ts';
import { afterConflict, draftFields, draftFrom, showWriter } from './write.ts';

const DraftForm = Type.Object({
  ...postFields(),
  ...draftFields(),
  body: Type.String({ maxLength: MAX_BODY_LENGTH }),
});

const ScheduleForm = Type.Object({ ...postFields(), ...draftFields(), ...momentFields() });

/** Posts that are not published yet. */
export default async function drafts(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get('/drafts', async (request, reply) => {
    const drafts = await listDrafts(db, currentUser(request).id);
    return reply.page('drafts/list', { title: 'Drafts', drafts });
  });

  // The writing page also saves by script, and gets the draft's new version as JSON.
  const saving = { onRequest: requirePermission(Permission.WRITE), config: { limit: 'draft' as const } };
  app.post('/drafts', saving, async (request, reply) => {
    const form = request.readForm(DraftForm);
    if (form.data === undefined) {
      const [message] = Object.values(form.state.errors);
      reply.code(422);
      return wantsJson(request) ? { error: 'unprocessable content', message } : showWriter(reply, form.state);
    }
    const { id: authorId } = currentUser(request);
    const draft = draftFrom(form.data);
    const text = { ...form.data, isUnlisted: isUnlistedIn(form.data) };
    try {
      const saved = await (draft === undefined
        ? createDraft(db, authorId, text)
        : saveDraft(db, authorId, draft, text));
      if (wantsJson(request)) return reply.header('cache-control', 'private, no-store').send(saved);
      await sessionOf(request).flash('Your draft has been saved.');
      return reply.redirect(`/drafts/${saved.id}`, 303);
    } catch (error) {
      if (wantsJson(request)) throw error;
      return showWriter(reply.code(422), await afterConflict(app, authorId, form, error));
    }
  });

  app.get<WithId>('/drafts/:id', async (request, reply) => {
    const draft = await findDraft(db, currentUser(request).id, idFrom(request.params.id));
    const { id, version, title, body, tags, isUnlisted, publishAt } = draft;
    const visibility = visibilityOf(isUnlisted);
    const values = { title, body, tags, visibility, draft: String(id), version: String(version) };
    const publish_at = publishAt?.toISOString().slice(0, 'YYYY-MM-DDTHH:MM'.length) ?? '';
    return showWriter(reply, { values: { ...values, publish_at }, errors: {} }, { draft });
  });

  app.register(scheduling);

  app.post<WithId>('/drafts/:id/delete', async (request, reply) => {
    await deleteDraft(db, currentUser(request).id, idFrom(request.params.id));
    await sessionOf(request).flash('The draft has been deleted.');
    return reply.redirect('/drafts', 303);
  });
}

/** Scheduling drafts. Counts towards the limit for publishing, because the job that publishes has none. */
async function scheduling(app: FastifyInstance): Promise<void> {
  const { db } = app;
  const options = { onRequest: requirePermission(Permission.WRITE), config: { limit: 'post' as const } };

  app.post('/drafts/schedule', options, async (request, reply) => {
    const form = request.readForm(ScheduleForm);
    if (form.data === undefined) return showWriter(reply.code(422), form.state);
    const { id: authorId } = currentUser(request);
    const publishAt = momentFrom(form.data);
    if (publishAt === undefined) {
      return showWriter(reply.code(422), form.refuse('publish_at', 'Enter a date and a time.'));
    }
    // Refuses now what could not be published then.
    const rendering = renderText(app, { kind: 'post', body: form.data.body, writerId: authorId });
    const written = await postOf(rendering, form.data, form);
    if ('refused' in written) return showWriter(reply.code(422), written.refused);
    const text = { ...form.data, isUnlisted: isUnlistedIn(form.data) };
    try {
      await scheduleDraft(app, authorId, { draft: draftFrom(form.data), text, publishAt });
    } catch (error) {
      const isTooFar = error instanceof DomainError && error.code === 'too-far-ahead';
      const state = isTooFar
        ? form.refuse('publish_at', error.message)
        : await afterConflict(app, authorId, form, error);
      return showWriter(reply.code(422), state);
    }
    await sessionOf(request).flash('Your draft has been scheduled.');
    return reply.redirect('/drafts', 303);
  });

  app.post<WithId>('/drafts/:id/unschedule', async (request, reply) => {
    await unscheduleDraft(db, currentUser(request).id, idFrom(request.params.id));
    await sessionOf(request).flash('The draft is no longer scheduled.');
    return reply.redirect(`/drafts/${request.params.id}`, 303);
  });
}
