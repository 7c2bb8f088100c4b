import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { block, unblock } from '../../domain/blocks/block.ts';
import { countBlocked, listBlocked } from '../../domain/blocks/list.ts';
import { findPerson } from '../../domain/people/find.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentBlock } from './present.ts';
import { needs, noContent, refusals, WithId } from './requests.ts';
import { BlockPage, paths, ref } from './resources.ts';

const tags = ['People'];

const listing = {
  tags,
  operationId: 'listBlocks',
  ...needs(),
  summary: 'List the people you have muted or blocked, newest first',
  description: 'Nobody else can see this list. The cursors are not the ids of users, so follow `next`.',
  querystring: PageQuery,
  response: { 200: ref(BlockPage, { description: 'A page of people.' }), ...refusals(400) },
};

const ONE = { tags, params: WithId } as const;

const muting = {
  ...ONE,
  operationId: 'muteUser',
  ...needs(),
  summary: 'Mute a user',
  description:
    'Lists leave out what they write. We do not tell them. Changes nothing if you have blocked them.',
  response: noContent('They are muted or blocked.', 409),
};

const unmuting = {
  ...ONE,
  operationId: 'unmuteUser',
  ...needs(),
  summary: 'Stop muting a user',
  response: noContent('They are not muted.'),
};

const blocking = {
  ...ONE,
  operationId: 'blockUser',
  ...needs(),
  summary: 'Block a user',
  description:
    'Mutes them, and they cannot follow you, or like or comment on your posts. Ends follows both ways.',
  response: noContent('They are blocked.', 409),
};

const unblocking = {
  ...ONE,
  operationId: 'unblockUser',
  ...needs(),
  summary: 'Stop blocking a user',
  response: noContent('They are not blocked.'),
};

const blocks: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;
  const limited = { config: { limit: 'follow' } } as const;

  app.get('/blocks/', { schema: listing }, async (request, reply) => {
    const { id } = callerOf(request);
    const page = await listBlocked(db, id, pageRequest(request.query, config.followersPerPage));
    const links = linkPages(reply, { path: paths.blocks }, { ...page, total: await countBlocked(db, id) });
    return { users: page.items.map(presentBlock), ...links };
  });

  for (const [kind, doing, undoing] of [
    ['mute', muting, unmuting],
    ['block', blocking, unblocking],
  ] as const) {
    app.put(`/users/:id/${kind}`, { schema: doing, ...limited }, async (request, reply) => {
      const { id: blockedId } = await findPerson(db, request.params.id);
      await block(db, { blockerId: callerOf(request).id, blockedId }, kind);
      return reply.code(204).send(null);
    });

    app.delete(`/users/:id/${kind}`, { schema: undoing, ...limited }, async (request, reply) => {
      await unblock(db, { blockerId: callerOf(request).id, blockedId: request.params.id }, kind);
      return reply.code(204).send(null);
    });
  }
};

export default blocks;
