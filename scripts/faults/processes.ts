import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { listMails } from '../../src/mailbox/reader.ts';
import { SmallDisk } from '../../test/support/small-disk.ts';
import type { Fault, Period } from './fault.ts';
import {
  CONCURRENCY,
  DATABASE,
  GRACE_SECONDS,
  type ProcessName,
  type Site,
  takeOutOfService,
} from './site.ts';

const HOUR_MS = 60 * 60 * 1000;
const SMALL_MEGABYTES = 4;

/** Long enough for a request or job to be caught in it. */
const MOMENT_MS = 500;

/** Faults of the site's own processes and of the machine. */
export const processFaults: readonly Fault[] = [
  {
    name: 'worker-killed',
    readers: 'nothing',
    twice: CONCURRENCY,
    seconds: 2,
    async cause(site) {
      await site.mail.reaches('RCPT');
      await site.processes.worker.end('SIGKILL');
      return () => site.restart('worker');
    },
  },
  {
    // Long enough for its jobs to be given to another worker.
    name: 'worker-frozen-20-s',
    readers: 'nothing',
    twice: CONCURRENCY,
    seconds: 20,
    prepare: addSecondWorker,
    async cause({ mail, processes: { worker } }) {
      await mail.reaches('RCPT');
      worker.freeze();
      return () => worker.thaw();
    },
  },
  {
    name: 'worker-blocked-15-s',
    readers: 'nothing',
    twice: CONCURRENCY,
    seconds: 15,
    prepare: addSecondWorker,
    cause: ({ processes: { worker } }) => void worker.child.send({ blockMs: 15_000 }),
  },
  {
    name: 'worker-terminated-with-long-jobs',
    readers: 'nothing',
    seconds: 1,
    async cause(site) {
      site.mail.misbehave('RCPT', 'hang');
      await site.mail.reaches('RCPT');
      await endsCleanly(site, 'worker');
      return async () => {
        site.mail.behave();
        await site.restart('worker');
      };
    },
    check: spentAttempts,
  },
  {
    name: 'worker-out-of-memory',
    readers: 'nothing',
    twice: CONCURRENCY,
    seconds: 0,
    async prepare(site) {
      await endsCleanly(site, 'worker');
      await site.restart('worker', { NODE_OPTIONS: '--max-old-space-size=120' });
      return undefined;
    },
    async cause(site) {
      const { child } = site.processes.worker;
      child.send({ leak: true });
      await site.processes.worker.exited();
      await site.restart('worker');
    },
  },
  {
    name: 'web-killed-in-a-post',
    readers: 'a broken connection',
    seconds: 2,
    async cause(site) {
      const locked = await site.postgres.hold('begin; lock table comments in share mode', DATABASE);
      await sleep(MOMENT_MS);
      await site.processes.web.end('SIGKILL');
      await locked.close();
      return () => site.restart('web');
    },
  },
  {
    name: 'web-terminated-under-load',
    readers: 'nothing',
    seconds: 2,
    async cause(site) {
      await endsCleanly(site, 'web');
      return () => site.restart('web');
    },
  },
  {
    // It stops between two statements of a transaction, whose locks must not stop the others for long.
    name: 'web-frozen-in-a-transaction',
    readers: 'a broken connection or a 503',
    async cause(site) {
      const locked = await site.postgres.hold('begin; lock table comments in share mode', DATABASE);
      await sleep(MOMENT_MS);
      site.processes.web.freeze();
      const { putBack } = takeOutOfService(site);
      await locked.close();
      return () => {
        site.processes.web.thaw();
        putBack();
      };
    },
    check: wroteDuring,
  },
  {
    name: 'started-before-the-database',
    readers: 'stale or 503',
    async cause(site) {
      await Promise.all([endsCleanly(site, 'web'), endsCleanly(site, 'worker')]);
      await site.network.refuse();
      site.launch('web');
      site.launch('worker');
      return () => site.network.accept();
    },
    check: ({ processes }) =>
      [processes.web, processes.worker].flatMap(({ output }) =>
        output.includes('Waiting for it') ? [] : [`a process did not say that it waits: ${output}`],
      ),
  },
  clockJumping('clock-2-hours-ahead', 2 * HOUR_MS),
  clockJumping('clock-2-hours-behind', -2 * HOUR_MS),
  {
    // Without a mail server, mail goes to files.
    name: 'data-dir-full',
    readers: 'nothing',
    impossible: ({ disk }) => (disk === undefined ? 'only root may mount a small disk' : undefined),
    async cause(site) {
      const disk = await SmallDisk.mount(site.scope, SMALL_MEGABYTES);
      if (disk === undefined) throw new Error('no disk was mounted');
      await disk.fill();
      await endsCleanly(site, 'worker');
      await site.restart('worker', { SMTP_URL: '', DATA_DIR: disk.folder });
      return async () => {
        await disk.free();
        await sleep(5 * MOMENT_MS);
        await endsCleanly(site, 'worker');
        await addMailbox(site, join(disk.folder, 'mailbox'));
        await site.restart('worker');
      };
    },
  },
];

/** Stops a process with SIGTERM. It must exit with 0, soon after its grace period at the latest. */
async function endsCleanly({ processes, complaints }: Site, name: ProcessName): Promise<void> {
  const startedAt = performance.now();
  const code = await processes[name].end('SIGTERM');
  const seconds = (performance.now() - startedAt) / 1000;
  if (code !== 0) complaints.push(`${name} ended with ${code}: ${processes[name].output.slice(-500)}`);
  if (seconds > GRACE_SECONDS + 3) complaints.push(`${name} took ${seconds.toFixed(1)} s to end`);
}

async function addSecondWorker(site: Site) {
  await site.restart('second worker');
  return () => endsCleanly(site, 'second worker');
}

function clockJumping(name: string, clockMs: number): Fault {
  const jump = ({ processes }: Site, ms: number) => {
    for (const { child } of [processes.web, processes.spare, processes.worker]) child.send({ clockMs: ms });
  };
  return {
    name,
    readers: 'nothing',
    cause(site) {
      jump(site, clockMs);
      return () => jump(site, 0);
    },
  };
}

/** A worker that is told to stop hands its jobs back without losing an attempt. */
async function spentAttempts({ app }: Site, { causedAt }: Period): Promise<string[]> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int from pgboss.job
    where name = 'mail' and retry_count > 0
      and created_on > now() - make_interval(secs => ${(performance.now() - causedAt) / 1000})
  `.execute(app.db);
  const [{ count } = { count: 0 }] = rows;
  return count > 0 ? [`${count} jobs lost an attempt`] : [];
}

/** A frozen process must not keep others from writing where it has locks. */
function wroteDuring(_site: Site, { load, causedAt, endedAt }: Period): string[] {
  const comments = load.acknowledged.filter(
    ({ kind, at }) => kind === 'comment' && at > causedAt + 2 * MOMENT_MS && at < endedAt,
  );
  return comments.length > 0 ? [] : ['no comment could be written in the meantime'];
}

/** Counts the mails of a local mailbox with those of the mail server. */
async function addMailbox({ mail }: Site, folder: string): Promise<void> {
  const mails = await listMails(folder, 1_000);
  for (const { to, id } of mails) mail.accepted.push({ to, messageId: id, at: performance.now() });
}
