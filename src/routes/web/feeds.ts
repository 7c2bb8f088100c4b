import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Comment, listNewestComments } from '../../domain/comments/list.ts';
import { findByUsername } from '../../domain/people/find.ts';
import { excerptOf } from '../../domain/posts/excerpt.ts';
import { findPost, listNewestPosts, type Post } from '../../domain/posts/list.ts';
import { pathOfPost } from '../../domain/posts/path.ts';
import type { SiteSettings } from '../../domain/site/settings.ts';
import { pathOfTag } from '../../domain/tags/name.ts';
import { noSuch } from '../../errors.ts';
import { idFrom, tagFrom, type WithId, type WithTag, type WithUsername } from './params.ts';

/** The common parts of Atom (RFC 4287) and JSON Feed 1.1. */
interface Feed {
  readonly title: string;
  /** The page that the feed is for. */
  readonly path: string;
  /** The feed's own path, without extension. */
  readonly feedPath: string;
  readonly entries: readonly FeedEntry[];
}

interface FeedEntry {
  /** Never changes, unlike the path of a post with a title. */
  readonly id: string;
  readonly path: string;
  readonly title: string;
  readonly author: string;
  readonly tags: readonly string[];
  readonly html: string;
  readonly publishedAt: Date;
  readonly updatedAt: Date;
}

/** Entries per feed. */
const MAX_ENTRIES = 30;

/** Characters of HTML per feed, to limit its size. */
const MAX_HTML = 250_000;

const MAX_TITLE_LENGTH = 80;

/** Feed readers may cache a feed for a minute, then ask whether it has changed. */
const CACHE_CONTROL = 'public, max-age=60';

/** Feeds of the site, of each person, of each tag and of each post's comments. They ignore sessions. */
export default async function feeds(app: FastifyInstance): Promise<void> {
  const { readDb: db, config } = app;
  const isShared = { config: { isShared: true } };

  for (const [format, write] of [
    ['atom', writeAtom],
    ['json', writeJson],
  ] as const) {
    const send = (reply: FastifyReply, feed: Feed) => {
      reply.header('cache-control', CACHE_CONTROL).header('last-modified', updatedAt(feed).toUTCString());
      const entries = feed.entries.map((entry) => ({ ...entry, html: withBase(entry.html, config.baseUrl) }));
      return write(reply, { ...feed, entries }, { baseUrl: config.baseUrl, site: app.site.settings });
    };
    app.get(`/feed.${format}`, isShared, async (_request, reply) =>
      send(reply, await feedOfSite(db, app.site.settings.name)),
    );
    app.get<WithUsername>(`/user/:username/feed.${format}`, isShared, async (request, reply) =>
      send(reply, await feedOfPerson(db, request.params.username, app.site.settings.name)),
    );
    app.get<WithTag>(`/tag/:tag([^.]+).${format}`, isShared, async (request, reply) =>
      send(reply, await feedOfTag(db, tagFrom(request.params.tag), app.site.settings.name)),
    );
    app.get<WithId>(`/post/:id/feed.${format}`, isShared, async (request, reply) =>
      send(reply, await feedOfPost(db, idFrom(request.params.id))),
    );
  }
}

async function feedOfSite(db: FastifyInstance['db'], title: string): Promise<Feed> {
  const posts = await listNewestPosts(db, {}, MAX_ENTRIES);
  return { title, path: '/', feedPath: '/feed', entries: newestThatFit(posts).map(entryOfPost) };
}

async function feedOfPerson(db: FastifyInstance['db'], name: string, siteName: string): Promise<Feed> {
  const person = await findByUsername(db, name);
  if (person === undefined) throw noSuch('user');
  const posts = await listNewestPosts(db, { author: person }, MAX_ENTRIES);
  const path = `/user/${person.username}`;
  const title = `${person.username} on ${siteName}`;
  return { title, path, feedPath: `${path}/feed`, entries: newestThatFit(posts).map(entryOfPost) };
}

async function feedOfTag(db: FastifyInstance['db'], tag: string, siteName: string): Promise<Feed> {
  const posts = await listNewestPosts(db, { tag }, MAX_ENTRIES);
  const path = pathOfTag(tag);
  const title = `#${tag} on ${siteName}`;
  return { title, path, feedPath: path, entries: newestThatFit(posts).map(entryOfPost) };
}

async function feedOfPost(db: FastifyInstance['db'], id: number): Promise<Feed> {
  const post = await findPost(db, id);
  if (post.isDisabled) throw noSuch('post');
  const comments = await listNewestComments(db, id, MAX_ENTRIES);
  const title = `Comments on “${post.title ?? excerptOf(post.bodyHtml, MAX_TITLE_LENGTH)}”`;
  return {
    title,
    path: pathOfPost(post),
    feedPath: `/post/${id}/feed`,
    entries: newestThatFit(comments).map(entryOfComment),
  };
}

/**
 * Makes links within the site, such as mentions, and the addresses of images absolute. Feed readers do not know where a
 * text comes from.
 */
function withBase(html: string, baseUrl: string): string {
  return html.replaceAll(/ (?:href|src|srcset)="[^"]*"/g, (attribute) =>
    attribute.replaceAll(/(?<=["\s])\/(?!\/)/g, `${baseUrl}/`),
  );
}

/** The common parts of all feeds of the site. */
interface Context {
  readonly baseUrl: string;
  readonly site: SiteSettings;
}

function writeAtom(reply: FastifyReply, feed: Feed, { baseUrl, site }: Context) {
  return reply
    .type('application/atom+xml; charset=utf-8')
    .view('feeds/atom', { baseUrl, site, feed, updatedAt: updatedAt(feed) });
}

function writeJson(reply: FastifyReply, feed: Feed, { baseUrl, site }: Context) {
  const url = (path: string) => baseUrl + path;
  const document = {
    version: 'https://jsonfeed.org/version/1.1',
    title: feed.title,
    home_page_url: url(feed.path),
    feed_url: url(`${feed.feedPath}.json`),
    icon: url('/assets/icon-512.png'),
    language: site.language,
    items: feed.entries.map((entry) => ({
      id: url(entry.id),
      url: url(entry.path),
      title: entry.title,
      content_html: entry.html,
      date_published: entry.publishedAt.toISOString(),
      date_modified: entry.updatedAt.toISOString(),
      tags: entry.tags,
      authors: [{ name: entry.author, url: url(`/user/${entry.author}`) }],
    })),
  };
  return reply.type('application/feed+json; charset=utf-8').send(JSON.stringify(document));
}

/** The newest items that fit into a feed; at least one. */
function newestThatFit<Item extends { readonly bodyHtml: string }>(items: readonly Item[]): readonly Item[] {
  let left = MAX_HTML;
  const end = items.findIndex(({ bodyHtml }, index) => {
    left -= bodyHtml.length;
    return left < 0 && index > 0;
  });
  return end === -1 ? items : items.slice(0, end);
}

/** The time of the newest change; 1970 for an empty feed. */
function updatedAt({ entries }: Feed): Date {
  return new Date(Math.max(0, ...entries.map((entry) => entry.updatedAt.getTime())));
}

/** A post's title, or its beginning if it has none. */
export function headlineOf(
  { title, authorUsername }: Pick<Post, 'title' | 'authorUsername'>,
  html: string,
): string {
  return title ?? (excerptOf(html, MAX_TITLE_LENGTH) || `Post by ${authorUsername}`);
}

function entryOfPost(post: Post): FeedEntry {
  return {
    id: `/post/${post.id}`,
    path: pathOfPost(post),
    title: headlineOf(post, post.bodyHtml),
    author: post.authorUsername,
    tags: post.tags,
    html: post.bodyHtml,
    publishedAt: post.createdAt,
    updatedAt: post.editedAt ?? post.createdAt,
  };
}

function entryOfComment(comment: Comment): FeedEntry {
  const path = `/comment/${comment.id}`;
  return {
    id: path,
    path,
    title: `Comment by ${comment.authorUsername}`,
    author: comment.authorUsername,
    tags: [],
    html: comment.bodyHtml,
    publishedAt: comment.createdAt,
    updatedAt: comment.editedAt ?? comment.createdAt,
  };
}
