import type { FastifyInstance } from 'fastify';
import { listMonths, type Month } from '../../domain/posts/archive.ts';
import { listPosts } from '../../domain/posts/list.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { paginate } from './pagination.ts';
import { placeOfPostsFrom, queryOf } from './params.ts';

const MONTH_NAME = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });

interface WithMonth {
  Params: { year: string; month: string };
}

/** All posts, by month. */
export default async function archive(app: FastifyInstance): Promise<void> {
  const { config } = app;
  const isShared = { config: { isShared: true } };

  app.get('/archive', isShared, async (request, reply) => {
    const months = await listMonths(readDbFor(request));
    return reply.page('archive', {
      title: 'Archive',
      meta: { description: `All posts on ${app.site.settings.name}, month by month.`, path: '/archive' },
      years: Object.entries(Object.groupBy(months, ({ year }) => year)).toReversed(),
      pathOf,
      nameOf,
    });
  });

  app.get<WithMonth>('/archive/:year(^\\d{4})/:month(^\\d{2})', isShared, async (request, reply) => {
    const month = monthFrom(request.params);
    const place = placeOfPostsFrom(request.query);
    const filter = { month, readerId: sessionOf(request).user?.id };
    const posts = await listPosts(readDbFor(request), filter, { ...place, size: config.postsPerPage });
    if (posts.items.length + posts.muted === 0)
      throw new DomainError('not-found', 'Nothing was published in this month.');
    const [path, name] = [pathOf(month), nameOf(month)];
    return reply.page('posts/month', {
      title: queryOf(place) === '' ? name : `${name}, more posts`,
      meta: {
        description: `Posts published on ${app.site.settings.name} in ${name}.`,
        path: path + queryOf(place),
      },
      name,
      posts,
      pagination: paginate(posts, { path, place }),
    });
  });
}

/** @throws DomainError `not-found` */
function monthFrom({ year, month }: WithMonth['Params']): Month {
  if (Number(month) < 1 || Number(month) > 12) throw noSuch('month');
  return { year: Number(year), month: Number(month) };
}

function pathOf({ year, month }: Month): string {
  return `/archive/${year}/${String(month).padStart(2, '0')}`;
}

function nameOf({ year, month }: Month): string {
  return MONTH_NAME.format(Date.UTC(year, month - 1));
}
