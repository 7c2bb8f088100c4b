import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import type { ApiClient } from '../../domain/api-tokens/identify.ts';
import { EDIT_MINUTES, loadCommentForEdit, updateComment } from '../../domain/comments/edit.ts';
import {
  type CommentSource,
  findCommentSource,
  listAllCommentSources,
  listCommentSources,
  noSuchComment,
} from '../../domain/comments/list.ts';
import { deleteComment, publishComment } from '../../domain/comments/write.ts';
import { runOnce } from '../../domain/idempotency.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { MAX_ID } from '../../domain/page.ts';
import { requirePost } from '../../domain/posts/list.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { tagged, versionsIn, WithIfMatch } from './etag.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentComment } from './present.ts';
import { sendCreated, WithIdempotencyKey } from './repeatable.ts';
import { CommentEdit, CommentWriting, needs, noContent, refusals, WithId } from './requests.ts';
import { Comment, CommentPage, paths, ref } from './resources.ts';

const tags = ['Comments'];

/** The description of lists of comments. */
const description = 'Pages leave out comments by people you have muted or blocked, so they may be shorter.';

const listing = {
  tags,
  operationId: 'listComments',
  summary: 'List all comments, newest first',
  description,
  querystring: PageQuery,
  response: { 200: ref(CommentPage, { description: 'A page of comments.' }), ...refusals(400) },
};

const listingOfPost = {
  tags,
  operationId: 'listCommentsOfPost',
  summary: 'List the comments on a post, oldest first',
  description,
  params: WithId,
  querystring: PageQuery,
  response: { 200: ref(CommentPage, { description: 'A page of comments.' }), ...refusals(400, 404) },
};

const publishing = {
  tags,
  operationId: 'publishComment',
  ...needs('COMMENT'),
  summary: 'Comment on a post, or reply to a comment',
  params: WithId,
  headers: WithIdempotencyKey,
  body: CommentWriting,
  response: {
    201: ref(Comment, { description: 'The new comment. Location has its path.' }),
    ...refusals(400, 404, 409, 413, 415, 422),
  },
};

const showing = {
  tags,
  operationId: 'getComment',
  summary: 'Get a comment',
  params: WithId,
  response: { 200: ref(Comment, { description: 'The comment.' }), ...refusals(404) },
};

const editing = {
  tags,
  operationId: 'editComment',
  ...needs('WRITE'),
  summary: 'Edit a comment',
  description: `Only for its author, within ${EDIT_MINUTES} minutes and unless a moderator has hidden it, and for Administrators.`,
  params: WithId,
  headers: WithIfMatch,
  body: CommentEdit,
  response: { 200: ref(Comment, { description: 'The comment.' }), ...refusals(400, 404, 412, 413, 415, 422) },
};

const deleting = {
  tags,
  operationId: 'deleteComment',
  ...needs('WRITE'),
  summary: 'Delete a comment',
  description: 'Only for its author and Administrators.',
  params: WithId,
  response: noContent('Deleted.'),
};

const comments: FastifyPluginAsyncTypebox = async (app) => {
  const { db, queue, config } = app;

  app.get('/comments/', { schema: listing }, async ({ caller, query }, reply) => {
    const reader = { readerId: caller?.id };
    const page = await listAllCommentSources(db, reader, pageRequest(query, config.commentsPerPage));
    return { comments: page.items.map(shownTo(caller)), ...linkPages(reply, { path: paths.comments }, page) };
  });

  app.get(
    '/posts/:id/comments/',
    { schema: listingOfPost },
    async ({ caller, params: { id }, query }, reply) => {
      const { commentCount } = await requirePost(db, id);
      const filter = { postId: id, readerId: caller?.id, commentCount };
      const page = await listCommentSources(db, filter, pageRequest(query, config.commentsPerPage));
      return {
        comments: page.items.map(shownTo(caller)),
        ...linkPages(reply, { path: paths.commentsOf(id), order: 'asc' }, page),
      };
    },
  );

  app.post(
    '/posts/:id/comments/',
    { schema: publishing, onRequest: requirePermission(Permission.COMMENT), config: { limit: 'comment' } },
    async (sent, reply) => {
      const { id: userId } = callerOf(sent);
      const { id: postId } = sent.params;
      const { body, parent_url: parentUrl } = sent.body;
      const request = {
        userId,
        key: sent.headers['idempotency-key'],
        content: ['POST', paths.commentsOf(postId), body, parentUrl ?? ''],
      };
      const text = await renderText(app, { kind: 'comment', body, writerId: userId });
      const comment = { postId, parentId: idOf(parentUrl), authorId: userId, text };
      const created = await runOnce(db, request, async (trx) =>
        shownTo(sent.caller)(await publishComment({ db: trx, queue }, comment)),
      );
      return sendCreated(reply, created);
    },
  );

  app.register(comment);
};

export default comments;

/** One comment. */
const comment: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;

  app.get('/comments/:id', { schema: showing, compress: false }, async ({ caller, params }, reply) => {
    const comment = await findCommentSource(db, params.id);
    return tagged(reply, comment.version, shownTo(caller)(comment));
  });

  app.put(
    '/comments/:id',
    { schema: editing, compress: false, config: { limit: 'comment' } },
    async (request, reply) => {
      const { headers, params } = request;
      const caller = callerOf(request);
      const { id, authorId: writerId } = await loadCommentForEdit(db, caller, params.id);
      const draft = { ...request.body, kind: 'comment', writerId, replaces: { commentId: id } } as const;
      const edit = { id, text: await renderText(app, draft), versions: versionsIn(headers['if-match']) };
      const comment = await updateComment(app, caller, edit);
      return tagged(reply, comment.version, shownTo(caller)(comment));
    },
  );

  app.delete('/comments/:id', { schema: deleting }, async (request, reply) => {
    await deleteComment(db, callerOf(request), request.params.id);
    return reply.code(204).send(null);
  });
};

/** The id in the path of a comment. */
function idOf(url: string | undefined): number | undefined {
  if (url === undefined) return undefined;
  const id = Number(url.split('/').at(-1));
  if (id > MAX_ID) throw noSuchComment();
  return id;
}

/** Makes a function that presents comments as the caller may see them. */
function shownTo(caller: ApiClient | null) {
  const seesDisabled = can(caller, Permission.MODERATE);
  return (comment: CommentSource) => presentComment(comment, seesDisabled);
}
