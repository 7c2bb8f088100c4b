import type { FastifyInstance } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import { follow, unfollow } from '../../domain/follows/follow.ts';
import { listFollowed, listFollowers } from '../../domain/follows/list.ts';
import { findByUsername, type Named } from '../../domain/people/find.ts';
import { noSuch } from '../../errors.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { paginate } from './pagination.ts';
import { placeFrom, type WithUsername } from './params.ts';

export default async function follows(app: FastifyInstance): Promise<void> {
  const { db, queue, config } = app;

  for (const [path, title, list] of [
    ['followers', 'Followers of', listFollowers],
    ['followed-by', 'Followed by', listFollowed],
  ] as const) {
    const isShared = { config: { isShared: true } };
    app.get<WithUsername>(`/${path}/:username`, isShared, async (request, reply) => {
      const readDb = readDbFor(request);
      const person = await findByUsername(readDb, request.params.username);
      if (person === undefined) throw noSuch('user');
      const place = placeFrom(request.query);
      const people = await list(readDb, person.id, { ...place, size: config.followersPerPage });
      const pagination = paginate(people, { path: `/${path}/${person.username}`, place });
      return reply.page('people/list', { title: `${title} ${person.username}`, person, people, pagination });
    });
  }

  app.register(async (signedIn) => {
    signedIn.addHook('onRequest', requireUser);
    signedIn.addHook('onRequest', requirePermission(Permission.FOLLOW));

    const change = (path: string, act: (followerId: number, followed: Named) => Promise<string>) =>
      signedIn.post<WithUsername>(
        `/${path}/:username`,
        { config: { limit: 'follow' } },
        async (request, reply) => {
          const person = await findByUsername(db, request.params.username);
          if (person === undefined) {
            await sessionOf(request).warn('Invalid user.');
            return reply.redirect('/', 303);
          }
          await sessionOf(request).flash(await act(currentUser(request).id, person));
          return reply.redirect(`/user/${person.username}`, 303);
        },
      );

    change('follow', async (followerId, { id, username }) =>
      (await follow({ db, queue }, followerId, id))
        ? `You are now following ${username}.`
        : 'You are already following this user.',
    );
    change('unfollow', async (followerId, { id, username }) =>
      (await unfollow(db, followerId, id))
        ? `You are not following ${username} anymore.`
        : 'You are not following this user.',
    );
  });
}
