import { buildApp } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';
import { serve } from '../serve.ts';

/** The application's web process. It counts API requests as usual but refuses none. */
const app = buildApp({ ...loadConfig(), apiRateLimit: { points: Number.MAX_SAFE_INTEGER, seconds: 60 } });
await app.ready();
let queries = 0;
app.pool.on('acquire', () => {
  queries += 1;
});
await serve(app, { queries: () => queries });
