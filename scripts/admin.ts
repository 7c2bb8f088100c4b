import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { StartupError } from '../src/errors.ts';
import { readyOrClose, runMain } from '../src/process.ts';
import { withDatabase } from './support/embedded-postgres.ts';
import { mailTest } from './support/mail-test.ts';

const USAGE = `Usage: npm run admin -- COMMAND
  mail-test EMAIL   sends a mail through the configured server and prints its answer`;

const commands = new Map([['mail-test', mailTest]]);

/** `npm run admin -- COMMAND`: what an operator does to a site, with the site's own application. */
await runMain(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  const command = commands.get(name);
  if (command === undefined || args.length !== command.length - 1) throw new StartupError(2, USAGE);

  const config = loadConfig();
  await withDatabase(config, async (databaseUrl) => {
    const app = buildApp({ ...config, databaseUrl, logLevel: 'warn' }, { role: 'command' });
    await readyOrClose(app);
    try {
      console.log(await command(app, args[0] ?? ''));
    } finally {
      await app.close();
    }
  });
});
