import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { can, PERMISSION_NAMES, Permission } from '../../domain/accounts/roles.ts';
import { countUnread } from '../../domain/notifications/unread.ts';
import { findPerson } from '../../domain/people/find.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { presentUser } from './present.ts';
import { needs, refusals } from './requests.ts';
import { Me, ref } from './resources.ts';

const showing = {
  tags: ['You'],
  operationId: 'getMe',
  ...needs(),
  summary: 'Get your own profile',
  description:
    'Your profile, your permissions and those of the token, and the number of unread notifications.',
  response: { 200: ref(Me, { description: 'You.' }), ...refusals() },
};

const me: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;

  app.get('/me', { schema: showing }, async (request) => {
    const caller = callerOf(request);
    const { id, scope, silencedUntil } = caller;
    return {
      ...presentUser(await findPerson(db, id)),
      permissions: PERMISSION_NAMES.filter((name) => can(caller, Permission[name])),
      scope,
      silenced_until: silencedUntil?.toISOString() ?? null,
      unread_notification_count: (await countUnread(db, [id])).get(id) ?? 0,
    };
  });
};

export default me;
