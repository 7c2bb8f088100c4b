import { setTimeout as sleep } from 'node:timers/promises';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { FaultyMailServer } from '../../test/support/mail-server.ts';
import { openScope } from '../../test/support/scope.ts';
import { AppProcess } from '../support/app-process.ts';
import { seed } from '../support/seed.ts';
import { Load } from './load.ts';
import { Mailbox } from './mailbox.ts';
import { type Sample, takeSample } from './sample.ts';
import { passTime } from './time-passes.ts';

const AMOUNTS = { users: 300, posts: 3_000, comments: 6_000, follows: 2_000, seed: 1 };

/** The amounts for runs that are too short to show growth anyway. */
const FEW = { users: 60, posts: 500, comments: 600, follows: 200, seed: 1 };
const SHORT_SECONDS = 60;

const ACTIONS_PER_SECOND = 25;
const SAMPLE_SECONDS = 10;
const TIME_PASSES_EVERY = 3;

/** One in this many samples collects garbage first. It is rare because it affects what is measured. */
const HEAP_EVERY = 30;

/** The share of mails that the server refuses for now, so that jobs fail and are retried. */
const REFUSED = 1 / 10;

/** What a worker logs about refused mails. */
const REFUSAL = '451 not now';

export interface SoakReport {
  readonly samples: readonly Sample[];
  readonly actions: number;
  readonly mails: number;
  readonly refused: number;
  /** Requests that were answered with 503 and Retry-After. */
  readonly shed: number;
  /** Unexpected responses, and what the processes complained about. */
  readonly failures: readonly string[];
}

/** Loads a web and a worker process for some minutes and samples what they use. */
export async function soak(
  databaseUrl: string,
  { seconds }: { seconds: number },
  report: (line: string) => void,
): Promise<SoakReport> {
  const mailbox = new Mailbox();
  await using scope = openScope();
  const server = await FaultyMailServer.start(scope);
  server.plan = (stage) => (stage === 'RCPT' && Math.random() < REFUSED ? { code: 451 } : undefined);
  server.onMail = (mail) => mailbox.receive(mail);
  // Limits would refuse most of what so few people do; they have their own tests.
  const env = { DATABASE_URL: databaseUrl, SMTP_URL: server.url, LOG_LEVEL: 'error', RATE_LIMITS: 'off' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  const processes: AppProcess[] = [];
  try {
    await app.ready();
    await seed(app.db, seconds < SHORT_SECONDS ? FEW : AMOUNTS);
    const web = await AppProcess.start('server', env);
    processes.push(web, await AppProcess.start('worker', env));
    const load = await Load.create(app, web.url, mailbox);
    const stopping = new AbortController();
    const loading = load.run(ACTIONS_PER_SECOND, stopping.signal);
    const samples: Sample[] = [];
    const startedAt = performance.now();
    const elapsed = () => (performance.now() - startedAt) / 1000;
    while (elapsed() < seconds) {
      await sleep(Math.min(SAMPLE_SECONDS, seconds / 6) * 1000);
      const ended = processes.find(({ hasExited }) => hasExited);
      if (ended) throw new Error(`the ${ended.name} process ended:\n${ended.complaints.join('\n')}`);
      if (samples.length % TIME_PASSES_EVERY === 0) await passTime(app);
      const withHeap = samples.length % HEAP_EVERY === HEAP_EVERY - 1;
      const sample = await takeSample(elapsed(), { db: app.db, processes, load, withHeap });
      samples.push(sample);
      report(
        `${sample.at.toFixed(0)} s: ${Object.values(sample.values)
          .map((value) => value.toFixed(0))
          .join(' ')}`,
      );
    }
    stopping.abort();
    await loading;
    const complaints = processes.flatMap(({ name, complaints }) =>
      complaints.filter((line) => !line.includes(REFUSAL)).map((line) => `${name}: ${line}`),
    );
    return {
      samples,
      actions: load.count,
      mails: server.accepted.length,
      refused: server.refused,
      shed: load.shed,
      failures: [...load.failures, ...complaints],
    };
  } finally {
    for (const one of processes.toReversed()) await one.stop();
    await app.close();
  }
}
