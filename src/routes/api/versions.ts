import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { MAX_ID } from '../../domain/page.ts';
import { MAX_VERSIONS } from '../../domain/posts/keep-version.ts';
import { findPostSource } from '../../domain/posts/list.ts';
import { deleteVersion, findVersion, listVersions } from '../../domain/posts/versions.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { onlyPage } from './pages.ts';
import { presentListedVersion, presentVersion } from './present.ts';
import { needs, noContent, refusals, WithId } from './requests.ts';
import { ref } from './resources.ts';
import { Version, VersionPage } from './version-resources.ts';

const tags = ['Posts'];

const WithVersion = Type.Object({
  ...WithId.properties,
  number: Type.Integer({ minimum: 1, maximum: MAX_ID, examples: [1] }),
});

const listing = {
  tags,
  operationId: 'listVersions',
  summary: 'List the versions of a post, newest first',
  description: `The first is the current version. The newest ${MAX_VERSIONS} earlier ones are kept.`,
  params: WithId,
  response: {
    200: ref(VersionPage, { description: 'All versions, without their texts.' }),
    ...refusals(404),
  },
};

const showing = {
  tags,
  operationId: 'getVersion',
  summary: 'Get a version of a post',
  params: WithVersion,
  response: { 200: ref(Version, { description: 'The version.' }), ...refusals(404) },
};

const deleting = {
  tags,
  operationId: 'deleteVersion',
  ...needs('WRITE'),
  summary: 'Delete the text of an earlier version of a post',
  description: 'Only for its author and moderators. The version stays in the list.',
  params: WithVersion,
  response: noContent('Deleted.'),
};

const versions: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;

  app.get('/posts/:id/versions/', { schema: listing }, async ({ caller, params }) => {
    const { id } = await findPostSource(db, params.id, can(caller, Permission.MODERATE));
    const found = await listVersions(db, id);
    return { versions: found.map((version) => presentListedVersion(id, version)), ...onlyPage(found) };
  });

  app.get('/posts/:id/versions/:number', { schema: showing }, async ({ caller, params }) => {
    const { id } = await findPostSource(db, params.id, can(caller, Permission.MODERATE));
    const { version } = await findVersion(db, id, params.number);
    return presentVersion(id, version);
  });

  app.delete('/posts/:id/versions/:number', { schema: deleting }, async (request, reply) => {
    const { id: postId, number } = request.params;
    await deleteVersion(db, callerOf(request), { postId, number });
    return reply.code(204).send(null);
  });
};

export default versions;
