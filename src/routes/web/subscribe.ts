import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { canonicalEmail } from '../../domain/accounts/email.ts';
import type { PostFilter } from '../../domain/posts/filter.ts';
import { listPosts } from '../../domain/posts/list.ts';
import { pathOfPost } from '../../domain/posts/path.ts';
import {
  type Author,
  confirmSubscription,
  findAuthor,
  findRequested,
  requestSubscription,
  subscribeAccount,
} from '../../domain/subscriptions/subscribe.ts';
import { pathOfTag } from '../../domain/tags/name.ts';
import { noSuch } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { emailField } from './auth/fields.ts';
import { invalidLink } from './auth/invalid-link.ts';
import { headlineOf } from './feeds.ts';
import { tagFrom, type WithTag, type WithToken, type WithUsername, wholeQueryOf } from './params.ts';

const SubscribeForm = Type.Object({
  email: emailField(),
  /** A honeypot: people do not see it. */
  homepage: Type.String(),
});

/** A page about one feed. */
interface Subscribing {
  /** The name of the site, person or tag. */
  readonly what: string;
  /** The page that the feed is for, and the feed without extension. */
  readonly path: string;
  readonly feedPath: string;
  readonly filter: PostFilter;
  /** The person to subscribe to by email, if the feed is a person's. */
  readonly author?: Author;
  readonly form?: FormState;
}

/** Titles shown of the feed. */
const MAX_TITLES = 10;

/** How people subscribe to the site, a person or a tag: with a feed reader, and to a person also by email. */
export default async function subscribe(app: FastifyInstance): Promise<void> {
  const isShared = { config: { isShared: true } };

  app.get('/subscribe', isShared, (request, reply) => {
    const what = app.site.settings.name;
    return show(request, reply, { what, path: '/', feedPath: '/feed', filter: {} });
  });

  app.get<WithTag>('/tag/:tag/subscribe', isShared, async (request, reply) => {
    const tag = tagFrom(request.params.tag);
    const path = pathOfTag(tag);
    if (tag !== request.params.tag) return reply.redirect(`${path}/subscribe${wholeQueryOf(request)}`, 301);
    return show(request, reply, { what: `#${tag}`, path, feedPath: path, filter: { tag } });
  });

  app.get<WithUsername>('/user/:username/subscribe', isShared, async (request, reply) => {
    const { user } = sessionOf(request);
    const author = await findAuthor(readDbFor(request), request.params.username, user);
    const form = { values: { email: user?.email ?? '' }, errors: {} };
    return showAuthor(request, reply, author, form);
  });

  app.register(byEmail);
}

/** Where people subscribe by email. The mailed link opens a page with a button, because mail scanners open links too. */
async function byEmail(app: FastifyInstance): Promise<void> {
  const { db, queue, rateLimits } = app;

  app.post<WithUsername>('/user/:username/subscribe', async (request, reply) => {
    const session = sessionOf(request);
    const { user } = session;
    const author = await findAuthor(db, request.params.username, user);
    if (!takesEmail(app, author)) throw noSuch('subscription');
    const form = request.readForm(SubscribeForm);
    if (form.data === undefined) return showAuthor(request, reply.code(422), author, form.state);
    await rateLimits.consume('subscribe', { account: user?.id, address: request.ip });
    const { email, homepage } = form.data;
    const here = `/user/${author.username}/subscribe`;
    if (user?.isConfirmed && canonicalEmail(user.email) === canonicalEmail(email)) {
      await subscribeAccount(db, author.id, user.id);
      await session.flash(`You’ll get new posts by ${author.username} at ${user.email}.`);
      return reply.redirect(here, 303);
    }
    if (homepage === '') await requestSubscription({ db, queue }, { authorId: author.id, email });
    await session.flash(
      `We’ve sent a confirmation link to ${email}, unless it is subscribed already. If it doesn’t arrive, try again tomorrow.`,
    );
    return reply.redirect(here, 303);
  });

  app.get<WithToken>('/subscribe/:token', async (request, reply) => {
    const requested = await findRequested(db, request.params.token);
    if (requested === undefined) throw invalidLink();
    return reply.page('subscribe/confirm', { title: 'Confirm your subscription', ...requested });
  });

  app.post<WithToken>('/subscribe/:token', async (request, reply) => {
    const { token } = request.params;
    const requested = await findRequested(db, token);
    if (requested === undefined || !(await confirmSubscription(db, token))) throw invalidLink();
    const { author, email } = requested;
    await sessionOf(request).flash(`You’ll get new posts by ${author} at ${email}.`);
    return reply.redirect(`/user/${author}`, 303);
  });
}

function takesEmail({ site }: FastifyInstance, { isOpen }: Author): boolean {
  return isOpen && site.settings.email_subscriptions === 'on';
}

function showAuthor(request: FastifyRequest, reply: FastifyReply, author: Author, form: FormState) {
  const { username } = author;
  const path = `/user/${username}`;
  return show(request, reply, {
    what: username,
    path,
    feedPath: `${path}/feed`,
    filter: { author },
    author,
    form,
  });
}

async function show(
  request: FastifyRequest,
  reply: FastifyReply,
  { what, path, feedPath, filter, author, form = EMPTY_FORM }: Subscribing,
) {
  const { server } = request;
  const { user } = sessionOf(request);
  const { items } = await listPosts(readDbFor(request), filter, { size: MAX_TITLES });
  return reply.page('subscribe/show', {
    title: `Subscribe to ${what}`,
    what,
    path,
    feedUrl: server.config.baseUrl + feedPath,
    newest: items.map((post) => ({ path: pathOfPost(post), title: headlineOf(post, post.html) })),
    author,
    takesEmail: author !== undefined && takesEmail(server, author),
    isSelf: author !== undefined && author.id === user?.id,
    form,
  });
}
