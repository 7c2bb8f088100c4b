import serializers, { type Serializer } from '@fastify/fast-json-stringify-compiler';
import fp from 'fastify-plugin';

/** The functions, by the name of a schema or by the schema itself. They depend on nothing else, so all apps share them. */
const built = new Map<string | object, Serializer>();

/**
 * Writes answers as Fastify does by itself, but builds the function for each schema once. Fastify builds one for every
 * status of every route, most of which point at the same few named schemas: a third of the time that a start takes after
 * loading. Register it after those schemas are added.
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
