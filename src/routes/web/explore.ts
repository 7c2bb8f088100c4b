import type { FastifyInstance } from 'fastify';
import { type Activity, listActivePeople, listNewestPeople } from '../../domain/people/directory.ts';
import { listConversations } from '../../domain/posts/conversations.ts';
import { listPopularTags } from '../../domain/tags/popular.ts';
import { readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { paginate } from './pagination.ts';
import { placeFrom, queryOf } from './params.ts';

const TAGS = 20;
const CONVERSATIONS = 5;
const PEOPLE = 5;

/** The orders of the directory, by path; the first is the default. */
const ORDERS: readonly { path: string; name: string; by?: Activity }[] = [
  { path: '/people', name: 'Newest' },
  { path: '/people/active', name: 'Most active', by: 'most' },
  { path: '/people/recent', name: 'Recently active', by: 'latest' },
];

/** Ways to find something to read, and somebody to follow. */
export default async function explore(app: FastifyInstance): Promise<void> {
  const { config } = app;
  const isShared = { config: { isShared: true } };

  app.get('/explore', isShared, async (request, reply) => {
    const readDb = readDbFor(request);
    const readerId = sessionOf(request).user?.id;
    const { name } = app.site.settings;
    return reply.page('explore', {
      title: 'Explore',
      meta: { description: `Find posts and people on ${name}.`, path: '/explore' },
      tags: await listPopularTags(readDb, TAGS),
      conversations: await listConversations(readDb, { readerId, limit: CONVERSATIONS }),
      people: await listActivePeople(readDb, readerId, { by: 'latest', limit: PEOPLE }),
    });
  });

  for (const { path, name, by } of ORDERS) {
    app.get(path, isShared, async (request, reply) => {
      const readDb = readDbFor(request);
      const readerId = sessionOf(request).user?.id;
      const { number: _number, ...place } = placeFrom(request.query);
      const size = config.followersPerPage;
      const people =
        by === undefined
          ? await listNewestPeople(readDb, readerId, { ...place, size })
          : await listActivePeople(readDb, readerId, { by, limit: size }).then(onOnePage);
      const rest = by === undefined ? queryOf(place) : '';
      return reply.page('people/directory', {
        title: `People: ${name.toLowerCase()}${rest === '' ? '' : ', more'}`,
        meta: { description: `People on ${app.site.settings.name}.`, path: path + rest },
        path,
        orders: ORDERS,
        people,
        pagination: paginate(people, { path, place: by === undefined ? place : {} }),
      });
    });
  }
}

function onOnePage<Item>(items: readonly Item[]) {
  return { items, muted: 0, newer: undefined, older: undefined };
}
