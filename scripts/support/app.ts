import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { readyOrClose } from '../../src/process.ts';
import { withDatabase } from './embedded-postgres.ts';

/** Runs a command with the application, and closes it afterwards. */
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
