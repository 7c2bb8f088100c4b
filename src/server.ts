import { buildApp } from './app.ts';
import { loadConfig } from './config.ts';
import { StartupError } from './errors.ts';
import { readyOrClose, runMain, serveUntilStopped } from './process.ts';

/** The web process: config → app → listen → graceful close. */
await runMain(async () => {
  const config = loadConfig(undefined, { required: ['DATABASE_URL'] });
  const app = buildApp(config, { role: 'web' });
  await readyOrClose(app);
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    await app.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(2, `Cannot listen on ${config.host}:${config.port}: ${reason}`, { cause: error });
  }
  serveUntilStopped(app);
});
