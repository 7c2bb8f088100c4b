import fp from 'fastify-plugin';
import { connectionTo, directUrl } from '../database/connection.ts';
import { Channels } from '../queue/index.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** PostgreSQL's NOTIFY, received on one connection for all channels. */
    channels: Channels;
  }
}

/** Provides `app.channels`. */
export default fp(
  async (app) => {
    const { config, role, outages } = app;
    const connection = connectionTo(directUrl(config), config.deadlines, {
      name: `pennypost ${role} listener`,
    });
    app.decorate(
      'channels',
      new Channels({ connection: async () => connection, onError: (error) => outages.report(error) }),
    );
  },
  { name: 'channels', dependencies: ['db'] },
);
