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
import { bodyField, textOf } from './fields.ts';
import { metaOfHome } from './meta.ts';
import { paginate } from './pagination.ts';
import { placeFrom, queryOf } from './params.ts';

const PostForm = Type.Object({ body: bodyField(), preview: Type.Boolean() });

/** Remembers for 30 days that a reader chose the Followed tab. */
const TAB_COOKIE = 'show_followed';
const TAB_COOKIE_OPTIONS = { path: '/', httpOnly: true, sameSite: 'lax', maxAge: 30 * 24 * 60 * 60 } as const;

export default async function home(app: FastifyInstance): Promise<void> {
  const { db, config } = app;

  app.get('/', { config: { isShared: true } }, (request, reply) =>
    show(request, reply, { form: EMPTY_FORM }),
  );

  const publishing = {
    onRequest: [requireUser, requirePermission(Permission.WRITE)],
    config: { limit: 'post' as const },
  };
  app.post('/', publishing, async (request, reply) => {
    const form = request.readForm(PostForm);
    if (form.data === undefined) return show(request, reply.code(422), { form: form.state });
    const { body, preview } = form.data;
    const rendered = await textOf(
      renderText(app, { kind: 'post', body, writerId: currentUser(request).id }),
      form,
    );
    if ('refused' in rendered) return show(request, reply.code(422), { form: rendered.refused });
    if (preview) return show(request, reply, { form: form.state, previewHtml: rendered.text.html });
    await publishPost(db, currentUser(request).id, rendered.text);
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
  const place = placeFrom(request.query);
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
