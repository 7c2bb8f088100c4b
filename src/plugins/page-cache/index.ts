import fp from 'fastify-plugin';
import { SAFE_METHODS } from '../http-methods.ts';
import { PageCache } from './cache.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The pages that are kept for all who have no session. */
    pageCache: PageCache;
  }
}

/** Where the database announces what a change is about. */
const CHANNEL = 'pennypost_changes';

/**
 * `app.pageCache`, which forgets what is no longer so: as the database announces it, whoever made the change; and, of
 * what this process was asked to do itself, before it answers, so that who reads after that never comes too early.
 */
export default fp(
  async (app) => {
    const cache = new PageCache(app.config.pageCache);
    app.decorate('pageCache', cache);
    app.addHook('onSend', ({ method }, _reply, payload, done) => {
      if (!SAFE_METHODS.has(method)) cache.invalidate('everything');
      done(null, payload);
    });

    const isServing = app.role === 'web' || app.role === 'web-and-worker';
    if (!isServing || app.config.pageCache.maxAgeMs === 0) return;
    const listening = await app.notifications.listen(CHANNEL, {
      onMessage: (subjects) => {
        for (const subject of subjects.split(' ')) cache.invalidate(subject);
      },
      onGap: () => cache.invalidate('everything'),
    });
    app.addHook('onClose', () => listening.close());
  },
  { name: 'page-cache', dependencies: ['queue'], decorators: { fastify: ['config', 'role'] } },
);
