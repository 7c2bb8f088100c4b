import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { readyOrClose } from '../../src/process.ts';
import { withDatabase } from './embedded-postgres.ts';

/**
 * Runs a command with the application, and closes it afterwards.
 *
 * @param prepare called with the application before its plugins are loaded
 */
export async function withApp(
  use: (app: FastifyInstance) => Promise<void>,
  prepare: (app: FastifyInstance) => void = () => {},
): Promise<void> {
  const config = loadConfig();
  await withDatabase(config, async (databaseUrl) => {
    const app = buildApp({ ...config, databaseUrl, logLevel: 'warn' }, { role: 'command' });
    prepare(app);
    await readyOrClose(app);
    try {
      await use(app);
    } finally {
      await app.close();
    }
  });
}
