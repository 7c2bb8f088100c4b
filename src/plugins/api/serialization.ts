import serializers, { type Serializer } from '@fastify/fast-json-stringify-compiler';
import fp from 'fastify-plugin';

/** Serializers by the name of a schema or by the schema itself. They depend on nothing else, so all apps share them. */
const built = new Map<string | object, Serializer>();

/**
 * Serializes responses as Fastify does, but builds one serializer per schema. Fastify builds one for each status of each route,
 * which takes a third of the startup after loading, although most refer to the same few named schemas. Register it after those
 * schemas are added.
 */
export default fp(
  async (app) => {
    const build = serializers()(app.getSchemas());
    app.setSerializerCompiler<{ $ref?: string }>((route) => {
      const key = route.schema.$ref ?? route.schema;
      const serializer = built.get(key) ?? build({ httpStatus: 'default', ...route });
      built.set(key, serializer);
      return serializer;
    });
  },
  { name: 'api-serialization' },
);
