import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { readyOrClose } from '../../src/process.ts';
import { withDatabase } from './embedded-postgres.ts';

/** Gives a command the site's own application, ready, and closes it afterwards. */
export async function withApp(use: (app: FastifyInstance) => Promise<void>): Promise<void> {
  const config = loadConfig();
  await withDatabase(config, async (databaseUrl) => {
    const app = buildApp({ ...config, databaseUrl, logLevel: 'warn' }, { role: 'command' });
    await readyOrClose(app);
    try {
      await use(app);
    } finally {
      await app.close();
    }
  });
}
