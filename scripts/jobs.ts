import { parseArgs } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { asker } from './support/ask.ts';
import { isCommand } from './support/job-commands.ts';

const USAGE = `Usage: npm run jobs -- COMMAND
  stats                 counts the jobs of each queue, and lists the workers
  list [QUEUE]          lists the newest jobs
  show ID               shows a job with its attempts and its log
  tail [QUEUE]          prints attempts as they start and end, until Ctrl-C
  run [QUEUE]           starts waiting jobs now
  retry [QUEUE]         runs failed jobs again
  cancel [QUEUE]        cancels jobs that have not ended; restore undoes it
  restore [QUEUE]       puts cancelled jobs back
  delete [QUEUE]        deletes jobs that are not running
  redrive QUEUE         moves dead letters, such as those in mail.dead, back to their queue
  pause QUEUE           keeps workers from taking jobs of a queue
  resume QUEUE          lets them take jobs again
  schedules             lists when jobs are enqueued automatically
  pause-schedule NAME   keeps a schedule, such as digest/weekly, from enqueueing jobs
  resume-schedule NAME  lets it enqueue jobs again, at its next time
  run-schedule NAME     enqueues its job now
--state STATE, --text WORDS and --id ID choose jobs, as on the dashboard; list takes --limit N.
--json prints JSON: a single value, or for tail one per line.
Commands that change jobs count them and ask first, unless --yes follows.`;

/** `npm run jobs -- COMMAND`: shows jobs, and acts on them, in a terminal. Without a command, it lists the commands. */
await runMain(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      state: { type: 'string' },
      text: { type: 'string' },
      id: { type: 'string' },
      limit: { type: 'string' },
      json: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    },
  });
  const [command = '', subject, ...rest] = positionals;
  if (!isCommand(command) || rest.length > 0) throw new StartupError(2, USAGE);
  const { withApp } = await import('./support/app.ts');
  const { runJobsCommand } = await import('./support/jobs.ts');
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  await withApp((app) =>
    runJobsCommand(
      { app, ask: asker(values.yes), print: (text) => console.log(text), signal: stopping.signal },
      command,
      { ...values, subject },
    ),
  );
});
