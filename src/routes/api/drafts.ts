import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { type DraftText, MAX_DAYS_AHEAD } from '../../domain/drafts/draft.ts';
import { findDraft, listDrafts } from '../../domain/drafts/find.ts';
import { publishDraft } from '../../domain/drafts/publish.ts';
import { renderDraft } from '../../domain/drafts/render.ts';
import { createDraft, deleteDraft, saveDraft } from '../../domain/drafts/save.ts';
import { scheduleDraft, unscheduleDraft } from '../../domain/drafts/schedule.ts';
import type { Visibility } from '../../domain/posts/visibility.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { tagged, versionsIn, WithIfMatch } from './etag.ts';
import { onlyPage } from './pages.ts';
import { presentDraft, presentListedDraft, presentPost } from './present.ts';
import { DraftWriting, isUnlistedIn, needs, noContent, refusals, WithId, WithMoment } from './requests.ts';
import { Draft, DraftPage, Post, ref } from './resources.ts';

const tags = ['Drafts'];
const ONE = { params: WithId, tags } as const;

const listing = {
  tags,
  operationId: 'listDrafts',
  ...needs(),
  summary: 'List your drafts, most recently edited first',
  description: 'Nobody else can read them. You can have 100.',
  response: {
    200: ref(DraftPage, { description: 'All drafts on one page, without their texts.' }),
    ...refusals(),
  },
};

const creating = {
  tags,
  operationId: 'createDraft',
  ...needs('WRITE'),
  summary: 'Create a draft',
  body: DraftWriting,
  response: { 201: ref(Draft, { description: 'The draft.' }), ...refusals(400, 409, 413, 415) },
};

const showing = {
  ...ONE,
  operationId: 'getDraft',
  ...needs(),
  summary: 'Get a draft',
  response: { 200: ref(Draft, { description: 'The draft.' }), ...refusals(404) },
};

const saving = {
  ...ONE,
  operationId: 'saveDraft',
  ...needs('WRITE'),
  summary: 'Save a draft',
  headers: WithIfMatch,
  body: DraftWriting,
  response: { 200: ref(Draft, { description: 'The draft.' }), ...refusals(400, 404, 412, 413, 415) },
};

const deleting = {
  ...ONE,
  operationId: 'deleteDraft',
  ...needs(),
  summary: 'Delete a draft',
  response: noContent('Deleted.'),
};

const publishing = {
  ...ONE,
  operationId: 'publishDraft',
  ...needs('WRITE'),
  summary: 'Publish a draft, which deletes it',
  response: { 201: ref(Post, { description: 'The new post.' }), ...refusals(404, 412, 422) },
};

const scheduling = {
  ...ONE,
  operationId: 'scheduleDraft',
  ...needs('WRITE'),
  summary: 'Publish a draft later',
  description: `At most ${MAX_DAYS_AHEAD} days ahead. It is published as it is at that time.`,
  body: WithMoment,
  response: noContent('It is scheduled.', 400, 412, 413, 415, 422),
};

const unscheduling = {
  ...ONE,
  operationId: 'unscheduleDraft',
  ...needs(),
  summary: 'Cancel the schedule of a draft',
  response: noContent('It is not scheduled.'),
};

const drafts: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;
  const onRequest = requirePermission(Permission.WRITE);

  app.get('/drafts/', { schema: listing }, async (request) => {
    const drafts = (await listDrafts(db, callerOf(request).id)).map(presentListedDraft);
    return { drafts, ...onlyPage(drafts) };
  });

  const limited = { onRequest, config: { limit: 'draft' }, compress: false } as const;
  app.post('/drafts/', { schema: creating, ...limited }, async (request, reply) => {
    const { id: authorId } = callerOf(request);
    const { id } = await createDraft(db, authorId, { title: '', tags: '', ...textOf(request.body) });
    const draft = await findDraft(db, authorId, id);
    const answer = tagged(reply, draft.version, presentDraft(draft));
    return reply.code(201).header('location', answer.url).send(answer);
  });

  app.get('/drafts/:id', { schema: showing, compress: false }, async (request, reply) => {
    const draft = await findDraft(db, callerOf(request).id, request.params.id);
    return tagged(reply, draft.version, presentDraft(draft));
  });

  app.put('/drafts/:id', { schema: saving, ...limited }, async (request, reply) => {
    const { id: authorId } = callerOf(request);
    const { id, version: newest, title, tags } = await findDraft(db, authorId, request.params.id);
    const allowed = versionsIn(request.headers['if-match']) ?? [newest];
    const version = allowed.includes(newest) ? newest : 0; // There is no version 0.
    await saveDraft(db, authorId, { id, version }, { title, tags, ...textOf(request.body) });
    const draft = await findDraft(db, authorId, id);
    return tagged(reply, draft.version, presentDraft(draft));
  });

  app.delete('/drafts/:id', { schema: deleting }, async (request, reply) => {
    await deleteDraft(db, callerOf(request).id, request.params.id);
    return reply.code(204).send(null);
  });

  app.register(publication);
};

export default drafts;

/** Publishing drafts, now or later. Both count as publishing. */
const publication: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;
  const limited = {
    onRequest: requirePermission(Permission.WRITE),
    config: { limit: 'post' },
  } as const;

  app.put('/drafts/:id/schedule', { schema: scheduling, ...limited }, async (request, reply) => {
    const { id: authorId } = callerOf(request);
    const draft = await findDraft(db, authorId, request.params.id);
    await renderDraft(app, authorId, draft); // Refuses now what could not be published then.
    const publishAt = new Date(request.body.publish_at);
    await scheduleDraft(app, authorId, { draft, text: draft, publishAt });
    return reply.code(204).send(null);
  });

  app.delete('/drafts/:id/schedule', { schema: unscheduling }, async (request, reply) => {
    await unscheduleDraft(db, callerOf(request).id, request.params.id);
    return reply.code(204).send(null);
  });

  app.post('/drafts/:id/publish', { schema: publishing, ...limited }, async (request, reply) => {
    const { id: authorId } = callerOf(request);
    const draft = await findDraft(db, authorId, request.params.id);
    const post = await publishDraft(app, authorId, draft, await renderDraft(app, authorId, draft));
    const answer = presentPost(post);
    return reply.code(201).header('location', answer.url).send(answer);
  });
};

interface SentDraft {
  readonly title?: string | null;
  readonly body: string;
  readonly tags?: readonly string[];
  readonly visibility?: Visibility;
}

/** The fields of a draft that a request has. */
function textOf({ title, body, tags, ...sent }: SentDraft): Pick<DraftText, 'body'> & Partial<DraftText> {
  return {
    body,
    ...(title !== undefined && { title: title ?? '' }),
    ...(tags !== undefined && { tags: tags.join(', ') }),
    isUnlisted: isUnlistedIn(sent),
  };
}
