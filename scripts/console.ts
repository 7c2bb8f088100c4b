import { once } from 'node:events';
import { start } from 'node:repl';
import { sql } from 'kysely';
import { runMain } from '../src/run-main.ts';
import { withApp } from './support/app.ts';

/** `npm run console`: opens a REPL with the application. */
await runMain(() =>
  withApp(async (app) => {
    console.log('Available: app, db, queue, sql, and top-level await. For example:');
    console.log("  await db.selectFrom('users').select(['id', 'email']).limit(5).execute()");
    const repl = start({ prompt: 'pennypost> ' });
    Object.assign(repl.context, { app, db: app.db, queue: app.queue, sql });
    await once(repl, 'exit');
  }),
);
