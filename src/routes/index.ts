import type { FastifyInstance } from 'fastify';
import administration from './admin/index.ts';
import api from './api/index.ts';
import assetFiles from './assets.ts';
import bounces from './bounces.ts';
import dev from './dev/index.ts';
import health from './health.ts';
import metrics from './metrics.ts';
import web from './web/index.ts';

/** All routes. */
export default async function routes(app: FastifyInstance): Promise<void> {
  app.register(assetFiles);
  app.register(health);
  app.register(metrics);
  app.register(bounces);
  app.register(api, { prefix: '/api/v1' });
  app.register(web);
  app.register(administration, { prefix: '/admin' });
  app.register(dev, { prefix: '/dev' });
}
