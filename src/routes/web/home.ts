import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { findFirstSteps, hasNoAccounts } from '../../domain/people/first-steps.ts';
import { listPosts } from '../../domain/posts/list.ts';
import { listFollowedPosts } from '../../domain/posts/list-followed.ts';
import { publishPost } from '../../domain/posts/write.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { postFields, postOf } from './fields.ts';
import { metaOfHome } from './meta.ts';
import { paginate } from './pagination.ts';
import { placeOfPostsFrom, queryOf } from './params.ts';

const PostForm = Type.Object({ ...postFields(), preview: Type.Boolean() });

/** Remembers for 30 days that a reader chose the Followed tab. */
const TAB_COOKIE = 'show_followed';
const TAB_COOKIE_OPTIONS = { path: '/', httpOnly: true, sameSite: 'lax', maxAge: 30 * 24 * 60 * 60 } as const;

export default async function home(app: FastifyInstance): Promise<void> {
  const { config } = app;

  app.get('/', { config: { isShared: true } }, (request, reply) =>
    show(request, reply, { form: EMPTY_FORM }),
  );

  const publishing = {
    onRequest: [requireUser, requirePermission(Permission.WRITE)],
    config: { limit: 'post' as const, hasPreview: true },
  };
  app.post('/', publishing, async (request, reply) => {
    const form = request.readForm(PostForm);
    if (form.data === undefined) return show(request, reply.code(422), { form: form.state });
    const { id: writerId } = currentUser(request);
    const rendering = renderText(app, { kind: 'post', body: form.data.body, writerId });
    const written = await postOf(rendering, form.data, form);
    if ('refused' in written) return show(request, reply.code(422), { form: written.refused });
    const { post } = written;
    if (form.data.preview) return show(request, reply, { form: form.state, previewHtml: post.html });
    await publishPost(app, writerId, post);
    return reply.redirect('/', 303);
  });

  app.get('/all', async (_request, reply) => {
    reply.clearCookie(TAB_COOKIE, { path: '/' });
    return reply.redirect('/', 303);
  });

  app.get('/followed', { onRequest: requireUser }, async (_request, reply) => {
    reply.setCookie(TAB_COOKIE, '1', { ...TAB_COOKIE_OPTIONS, secure: config.baseUrl.startsWith('https:') });
    return reply.redirect('/', 303);
  });
}

async function show(
  request: FastifyRequest,
  reply: FastifyReply,
  { form, previewHtml }: { form: FormState; previewHtml?: string },
) {
  const { config } = request.server;
  const site = request.server.site.settings;
  const { user } = sessionOf(request);
  const readDb = readDbFor(request);
  const isFollowedTab = user?.isConfirmed === true && request.cookies[TAB_COOKIE] === '1';
  const place = placeOfPostsFrom(request.query);
  const page = { ...place, size: config.postsPerPage };
  const posts = await (isFollowedTab
    ? listFollowedPosts(readDb, user, page)
    : listPosts(readDb, { readerId: user?.id }, page));
  return reply.page('home', {
    title: queryOf(place) === '' ? site.name : 'More posts',
    meta: metaOfHome(place, site),
    form,
    previewHtml,
    isFollowedTab,
    posts,
    pagination: paginate(posts, { path: '/', place }),
    firstSteps: user?.isNewcomer && user.isConfirmed ? await findFirstSteps(readDb, user.id) : undefined,
    setUp:
      user === null && posts.items.length === 0 && (await hasNoAccounts(readDb))
        ? config.adminEmail !== undefined
        : null,
  });
}
