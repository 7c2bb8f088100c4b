import { createHash } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';
import { serve } from '../serve.ts';

/**
 * A signed-in reader's home page, written only for speed: the same prepared queries and template literals, without session
 * renewal, form handling or error handling. What surrounds the posts, and the headers, are those of the application's page.
 */
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 });

const SESSION = `
  select
    is_remembered, flash, verified_at > now() - make_interval(secs => 600) as is_verified,
    extract(epoch from expires_at - now())::float8 as seconds_left, users.id, email, username, role, followed_count,
    confirmed_at is not null as is_confirmed, (case when silenced_until > now() then silenced_until end) as silenced_until,
    email_bounced_at is not null as is_bouncing, sessions.last_seen_at < now() - interval '1 minute' as is_stale,
    users.created_at > now() - interval '7 days' as is_newcomer, users.created_at > now() - interval '1 day' as is_new,
    (select count(*)::int from (
      select from notifications where recipient_id = users.id and read_at is null limit 100
    ) as unread) as unread_count
  from sessions left join users on users.id = user_id
  where token_hash = $1 and expires_at > now() and sessions.created_at > now() - make_interval(secs => 7776000)`;
const POSTS = `
  select post.id, author_id, username, avatar_seed, picture_hash, title, html, post.created_at, post.comment_count,
    is_unlisted, added_tags, is_excerpt, post.position::float8 as cursor,
    (select count(*)::int from (select from likes where post_id = post.id limit 100) as counted) as like_count,
    author_id = any(array(select blocked_id from blocks where blocker_id = $1)) as is_muted
  from (
    select id, position, author_id, title, created_at, comment_count, is_unlisted, nullif(added_tags, '{}') as added_tags,
      coalesce(excerpt_html, body_html) as html, excerpt_html is not null as is_excerpt
    from posts where is_listed order by position desc limit 21
  ) as post
  join users on users.id = author_id order by post.position desc`;

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string) =>
  /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign) : text;

const time = (moment: Date) => `<time datetime="${moment.toISOString()}">${dates.format(moment)} UTC</time>`;

interface Post {
  readonly id: number;
  readonly author_id: number;
  readonly username: string;
  readonly avatar_seed: string;
  readonly picture_hash: string | null;
  readonly title: string | null;
  readonly html: string;
  readonly is_excerpt: boolean;
  readonly added_tags: readonly string[] | null;
  readonly created_at: Date;
  readonly comment_count: number;
  readonly like_count: number;
  readonly is_muted: boolean;
}

const show = (post: Post, userId: number) => `<li>
<article aria-label="Post by ${escapeHtml(post.username)}">
<p class="byline"><img class="avatar" src="/avatar/${post.picture_hash ? `small/${post.picture_hash}.webp` : `${post.avatar_seed}.svg`}" alt="" width="32" height="32">
<a href="/user/${escapeHtml(post.username)}">${escapeHtml(post.username)}</a>
<a class="quiet" href="/post/${post.id}">${time(post.created_at)}</a>
</p>
${post.title ? `<h2 class="post-title" dir="auto"><a href="/post/${post.id}">${escapeHtml(post.title)}</a></h2>` : ''}
<div class="prose">${post.html}</div>
${post.is_excerpt ? `<p><a href="/post/${post.id}">Continue reading</a></p>` : ''}
${(post.added_tags ?? []).map((tag) => `<a class="tag" href="/tag/${tag}">#${tag}</a>`).join(' ')}
<p class="links"><a href="/post/${post.id}#comments">${post.comment_count} comments
<span class="visually-hidden"> on this post by ${escapeHtml(post.username)}</span></a>
${post.like_count > 0 ? `<a href="/likes/${post.id}">${post.like_count} likes<span class="visually-hidden"> of this post by ${escapeHtml(post.username)}</span></a>` : ''}
${userId === post.author_id ? `<a href="/edit/${post.id}">Edit</a>` : ''}</p>
</article>
</li>`;

const [beforePosts = '', afterPosts = ''] = (process.env.PAGE ?? '').split(
  /(?<=<ol class="posts">\n).*(?=<\/ol>)/s,
);
const headers: Record<string, string> = JSON.parse(process.env.HEADERS ?? '{}');
for (const name of ['date', 'connection', 'keep-alive', 'content-length']) delete headers[name];

const app = Fastify();
app.get('/', async (request, reply) => {
  const token = /session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
  const hash = createHash('sha256').update(token).digest();
  const [user] = (await pool.query({ name: 'session', text: SESSION, values: [hash] })).rows;
  const posts: Post[] = (await pool.query({ name: 'posts', text: POSTS, values: [user.id] })).rows;
  const own = posts
    .slice(0, 20)
    .filter(({ is_muted }) => !is_muted)
    .map((post) => show(post, user.id));
  return reply.headers(headers).send(beforePosts + own.join('') + afterPosts);
});
app.addHook('onClose', () => pool.end());
await serve(app);
