import serializers, { type Serializer } from '@fastify/fast-json-stringify-compiler';
import fp from 'fastify-plugin';

/**
 * Writes answers as Fastify does by itself, but builds the function for each schema once. Fastify builds one for every
 * status of every route, most of which point at the same few named schemas: a third of the time that a start takes after
 * loading. Register it after those schemas are added.
 */
export default fp(
  async (app) => {
    const build = serializers()(app.getSchemas());
    const built = new Map<string, Serializer>();
    app.setSerializerCompiler<{ $ref?: string }>((route) => {
      const { $ref } = route.schema;
      const serializer =
        ($ref !== undefined && built.get($ref)) || build({ httpStatus: 'default', ...route });
      if ($ref !== undefined) built.set($ref, serializer);
      return serializer;
    });
  },
  { name: 'api-serialization' },
);
