import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { isUnavailable } from '../../src/database/unavailable.ts';
import { databaseUnreachable } from '../../src/plugins/db.ts';
import { readyOrClose } from '../../src/process.ts';
import { withDatabase } from './embedded-postgres.ts';

/**
 * Runs a command with the application, and closes it afterwards.
 *
 * @param prepare called with the application before its plugins are loaded
 * @throws StartupError if the database becomes unavailable
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
    } catch (error) {
      throw isUnavailable(error) ? databaseUnreachable(databaseUrl, error) : error;
    } finally {
      await app.close();
    }
  });
}
