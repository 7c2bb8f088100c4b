import { buildApp } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';

/** The application's own web process, counting API requests as ever, but refusing none. */
const app = buildApp({ ...loadConfig(), apiRateLimit: { points: Number.MAX_SAFE_INTEGER, seconds: 60 } });
const url = await app.listen({ host: '127.0.0.1', port: 0 });
let queries = 0;
app.pool.on('acquire', () => {
  queries += 1;
});
const answers: Record<string, () => unknown> = {
  url: () => url,
  rss: () => process.memoryUsage.rss(),
  queries: () => queries,
};
process.on('message', (question) => process.send?.(answers[String(question)]?.()));
process.on('SIGTERM', async () => {
  await app.close();
  process.exit();
});
process.send?.('ready');
