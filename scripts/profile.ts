import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../src/config.ts';
import { runMain } from '../src/run-main.ts';
import { withDatabase } from './support/embedded-postgres.ts';
import { NODE_ARGUMENTS } from './support/node-arguments.ts';

const SERVER = join(import.meta.dirname, '..', 'src', 'server.ts');

/** `npm run profile`: runs the web process under Node's CPU profiler until Ctrl-C, then prints the profile's path. */
await runMain(async () => {
  const config = loadConfig();
  const folder = join(config.dataDir, 'profiles');
  await mkdir(folder, { recursive: true });

  await withDatabase(config, async (databaseUrl) => {
    const server = spawn(
      process.execPath,
      [...NODE_ARGUMENTS, '--cpu-prof', `--cpu-prof-dir=${folder}`, SERVER],
      {
        env: { ...process.env, DATABASE_URL: databaseUrl },
        stdio: 'inherit',
        detached: true, // So that Ctrl-C only reaches this process, which stops the server and waits for the profile.
      },
    );
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill('SIGTERM'));
    console.log(`Profiling ${config.baseUrl}. Use the site, then stop with Ctrl-C.`);
    const [code] = await once(server, 'exit');
    process.exitCode = code ?? 1;
  });

  const newest = (await readdir(folder)).sort().at(-1);
  if (newest !== undefined)
    console.log(
      `The profile is ${join(folder, newest)}. Open it in the Performance panel of Chromium's DevTools.`,
    );
});
