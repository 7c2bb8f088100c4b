import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Comment, listNewestComments } from '../../domain/comments/list.ts';
import { findByUsername } from '../../domain/people/find.ts';
import { excerptOf } from '../../domain/posts/excerpt.ts';
import { findPost, listNewestPosts, type Post } from '../../domain/posts/list.ts';
import { DomainError } from '../../errors.ts';
import { idFrom } from './params.ts';

/** What a feed has, in the terms that Atom (RFC 4287) and JSON Feed 1.1 share. */
interface Feed {
  readonly title: string;
  /** The page that it follows. */
  readonly path: string;
  /** Its own address, without the ending. */
  readonly feedPath: string;
  readonly entries: readonly FeedEntry[];
}

interface FeedEntry {
  readonly path: string;
  readonly title: string;
  readonly author: string;
  readonly html: string;
  readonly publishedAt: Date;
  readonly updatedAt: Date;
}

/** How many entries a feed has. */
const NEWEST = 30;

/** How many characters of HTML a feed has, so that it costs little to write and to read, whatever people publish. */
const MOST_HTML = 250_000;

const TITLE_LENGTH = 80;

/** Feeds of the site, of each person, and of each post's comments. They know no sessions: everybody gets the same. */
export default async function feeds(app: FastifyInstance): Promise<void> {
  const { replica: db, config } = app;

  for (const [format, send] of [
    ['atom', sendAtom],
    ['json', sendJson],
  ] as const) {
    app.get(`/feed.${format}`, { config: { isShared: true } }, async (_request, reply) => {
      const posts = await listNewestPosts(db, {}, NEWEST);
      return send(reply, {
        title: 'Pennypost',
        path: '/',
        feedPath: '/feed',
        entries: newestThatFit(posts).map(entryOfPost),
      });
    });

    const aboutUser = { config: { isShared: true } };
    app.get<{ Params: { username: string } }>(
      `/user/:username/feed.${format}`,
      aboutUser,
      async (request, reply) => {
        const person = await findByUsername(db, request.params.username);
        if (person === undefined) throw new DomainError('not-found', 'There is no such user.');
        const path = `/user/${person.username}`;
        const posts = await listNewestPosts(db, { author: person }, NEWEST);
        return send(reply, {
          title: `${person.username} on Pennypost`,
          path,
          feedPath: `${path}/feed`,
          entries: newestThatFit(posts).map(entryOfPost),
        });
      },
    );

    const aboutPost = { config: { isShared: true } };
    app.get<{ Params: { id: string } }>(`/post/:id/feed.${format}`, aboutPost, async (request, reply) => {
      const post = await findPost(db, idFrom(request.params.id));
      if (post === undefined) throw new DomainError('not-found', 'There is no such post.');
      const path = `/post/${post.id}`;
      const comments = await listNewestComments(db, post.id, NEWEST);
      return send(reply, {
        title: `Comments on “${excerptOf(post.bodyHtml, TITLE_LENGTH)}”`,
        path,
        feedPath: `${path}/feed`,
        entries: newestThatFit(comments).map(entryOfComment),
      });
    });
  }

  function sendAtom(reply: FastifyReply, feed: Feed) {
    const { baseUrl } = config;
    return describe(reply, feed)
      .type('application/atom+xml; charset=utf-8')
      .view('feeds/atom', { baseUrl, feed, updatedAt: updatedAt(feed) });
  }

  function sendJson(reply: FastifyReply, feed: Feed) {
    const url = (path: string) => config.baseUrl + path;
    const document = {
      version: 'https://jsonfeed.org/version/1.1',
      title: feed.title,
      home_page_url: url(feed.path),
      feed_url: url(`${feed.feedPath}.json`),
      icon: url('/assets/icon-512.png'),
      language: 'en',
      items: feed.entries.map((entry) => ({
        id: url(entry.path),
        url: url(entry.path),
        title: entry.title,
        content_html: entry.html,
        date_published: entry.publishedAt.toISOString(),
        date_modified: entry.updatedAt.toISOString(),
        authors: [{ name: entry.author, url: url(`/user/${entry.author}`) }],
      })),
    };
    return describe(reply, feed).type('application/feed+json; charset=utf-8').send(JSON.stringify(document));
  }
}

/** A reader that comes again within a minute need not ask; after that it is told whether something changed. */
function describe(reply: FastifyReply, feed: Feed): FastifyReply {
  return reply
    .header('cache-control', 'public, max-age=60')
    .header('last-modified', updatedAt(feed).toUTCString());
}

/** As many as there is room for, and one at least. */
function newestThatFit<Item extends { readonly bodyHtml: string }>(items: readonly Item[]): readonly Item[] {
  let left = MOST_HTML;
  const end = items.findIndex(({ bodyHtml }, index) => {
    left -= bodyHtml.length;
    return left < 0 && index > 0;
  });
  return end === -1 ? items : items.slice(0, end);
}

/** When the newest change was; of a feed without entries, long ago. */
function updatedAt({ entries }: Feed): Date {
  return new Date(Math.max(0, ...entries.map((entry) => entry.updatedAt.getTime())));
}

function entryOfPost(post: Post): FeedEntry {
  return {
    path: `/post/${post.id}`,
    title: excerptOf(post.bodyHtml, TITLE_LENGTH) || `Post by ${post.authorUsername}`,
    author: post.authorUsername,
    html: post.bodyHtml,
    publishedAt: post.createdAt,
    updatedAt: post.editedAt ?? post.createdAt,
  };
}

function entryOfComment(comment: Comment): FeedEntry {
  return {
    path: `/post/${comment.postId}#comment-${comment.id}`,
    title: `Comment by ${comment.authorUsername}`,
    author: comment.authorUsername,
    html: comment.bodyHtml,
    publishedAt: comment.createdAt,
    updatedAt: comment.createdAt,
  };
}
