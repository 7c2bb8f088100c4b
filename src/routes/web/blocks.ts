import type { FastifyInstance } from 'fastify';
import type { BlockKind } from '../../database/schema.ts';
import { block, type Pair, unblock } from '../../domain/blocks/block.ts';
import { listBlocked } from '../../domain/blocks/list.ts';
import { findByUsername } from '../../domain/people/find.ts';
import { noSuch } from '../../errors.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { localPath } from './auth/local-path.ts';
import { paginate } from './pagination.ts';
import { placeFrom, type WithNext, type WithUsername } from './params.ts';

/** Where people mute and block each other. Nobody is told, and silenced people can do it too. */
export default async function blocks(app: FastifyInstance): Promise<void> {
  const { db, config } = app;
  app.addHook('onRequest', requireUser);

  app.get('/blocks', async (request, reply) => {
    const place = placeFrom(request.query);
    const page = { ...place, size: config.followersPerPage };
    const people = await listBlocked(db, currentUser(request).id, page);
    const pagination = paginate(people, { path: '/blocks', place });
    return reply.page('people/blocks', { title: 'Muted and blocked', people, pagination });
  });

  const change = (path: string, act: (pair: Pair, username: string) => Promise<string>) =>
    app.post<WithUsername & WithNext>(
      `/${path}/:username`,
      { config: { limit: 'follow' } },
      async (request, reply) => {
        const person = await findByUsername(db, request.params.username);
        if (person === undefined) throw noSuch('user');
        const pair = { blockerId: currentUser(request).id, blockedId: person.id };
        await sessionOf(request).flash(await act(pair, person.username));
        return reply.redirect(localPath(request.query.next) ?? `/user/${person.username}`, 303);
      },
    );

  const changes: readonly (readonly [BlockKind, done: string, undone: string])[] = [
    ['mute', 'muted', 'no longer muted'],
    ['block', 'blocked', 'no longer blocked'],
  ];
  for (const [kind, done, undone] of changes) {
    change(kind, async (pair, username) => {
      await block(db, pair, kind);
      return `You have ${done} ${username}.`;
    });
    change(`un${kind}`, async (pair, username) => {
      await unblock(db, pair, kind);
      return `${username} is ${undone}.`;
    });
  }
}
