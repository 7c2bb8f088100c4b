import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { MAX_REASON_LENGTH, report } from '../../domain/moderation/report.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { needs, noContent, textOf, WithId } from './requests.ts';

const reporting = {
  tags: ['Reports'],
  ...needs('COMMENT'),
  description: 'Tells the moderators what is wrong. Reporting it again replaces your reason.',
  params: WithId,
  body: Type.Object(
    { reason: textOf(MAX_REASON_LENGTH, 'Plain text', 'This is an advertisement.') },
    { additionalProperties: false, title: 'report' },
  ),
  response: noContent('Reported.', 400, 413, 415),
};

const ABOUT = [
  ['post', '/posts/:id/report', { operationId: 'reportPost', summary: 'Report a post' }],
  ['comment', '/comments/:id/report', { operationId: 'reportComment', summary: 'Report a comment' }],
  ['person', '/users/:id/report', { operationId: 'reportUser', summary: 'Report a user' }],
] as const;

const reports: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;
  const rules = { onRequest: requirePermission(Permission.COMMENT), config: { limit: 'report' } } as const;

  for (const [kind, path, about] of ABOUT) {
    app.put(path, { schema: { ...reporting, ...about }, ...rules }, async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const seesDisabled = can(caller, Permission.MODERATE);
      await report(
        db,
        { kind, id: params.id },
        { reporterId: caller.id, reason: body.reason.trim(), seesDisabled },
      );
      return reply.code(204).send(null);
    });
  }
};

export default reports;
