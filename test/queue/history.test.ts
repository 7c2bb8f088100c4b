import { sql } from 'kysely';
import t from 'tap';
import { readDurationHistory, readHistory, recordHistory } from '../../src/queue/history.ts';
import { build } from '../support/build.ts';

const { db } = await build(t);
const DAY_MS = 24 * 60 * 60 * 1000;

/** Forty-eight buckets, of which one has jobs. */
const bins = (slot: number, jobs: number) => Array.from({ length: 48 }, (_, at) => (at === slot ? jobs : 0));

t.test('each step has the newest counts and attempts, and old steps stay as they are', async (t) => {
  const now = new Date();
  const old = new Date(Math.floor(now.getTime() / DAY_MS - 1) * DAY_MS);
  const capture = (queue: string, ready: number, completed: number, failed: number, slot = 1) =>
    sql`
      insert into pgboss.queue_stats (name, ready_count, completed_delta, failed_delta, wait_bins, run_bins, captured_on)
      values (${queue}, ${ready}, ${completed}, ${failed}, ${bins(slot + 9, completed)}, ${bins(slot, completed)}, ${now})
    `.execute(db);
  // What the older steps were made of may be deleted.
  await sql`
    insert into job_history (step_seconds, at, queue, ready, completed, retried, failed, wait_bins, run_bins)
    select step, ${old}, 'mail', 0, step, 0, 0, ${bins(40, 1)}, ${bins(40, 1)}
    from unnest(array[60, 900, 7200]) as step
  `.execute(db);
  await sql`
    insert into job_attempts (job_id, queue, attempt, worker, ended_at, outcome)
    select gen_random_uuid(), 'mail', 1, 'here', ${now}, outcome
    from unnest(array['failed', 'failed', 'timed out', 'given up', 'deferred', 'handed back']) as outcome
  `.execute(db);
  await sql`
    insert into job_attempts (job_id, queue, attempt, worker, ended_at, outcome) values
      (gen_random_uuid(), 'mail', 1, 'here', ${old}, 'failed'), (gen_random_uuid(), 'notify', 1, 'here', ${now}, 'failed')
  `.execute(db);
  await capture('mail', 7, 40, 1);
  await capture('exports', 0, 1, 2);
  await capture('mail.dead', 1, 0, 0);
  await capture('digest', 2, 0, 0);
  await capture('prune', 0, 0, 0);
  await capture('imports', 0, 0, 1);
  await recordHistory(db);
  await capture('mail', 5, 2, 0, 20);
  await recordHistory(db);

  const queues = ['mail', 'exports', 'mail.dead', 'digest', 'prune', 'notify', 'imports'];
  for (const step of [60, 900, 7200] as const) {
    const points = await readHistory(db, { from: old, step, queues });
    t.same(
      points
        .map(({ at: _, ...point }) => point)
        .sort((a, b) => a.completed - b.completed || a.queue.localeCompare(b.queue)),
      [
        { queue: 'digest', ready: 2, completed: 0, retried: 0, failed: 0 },
        { queue: 'imports', ready: 0, completed: 0, retried: 0, failed: 1 },
        { queue: 'notify', ready: 0, completed: 0, retried: 1, failed: 0 },
        { queue: 'exports', ready: 0, completed: 1, retried: 0, failed: 2 },
        { queue: 'mail', ready: 7, completed: 42, retried: 3, failed: 1 },
        { queue: 'mail', ready: 0, completed: step, retried: 0, failed: 0 },
      ],
      `${step} s`,
    );
    t.ok(points.every(({ at }) => at.getTime() % (step * 1000) === 0));
    const since = new Date(now.getTime() - step * 1000);
    t.equal((await readHistory(db, { from: since, step, queues })).length, 5);
    const [durations, ...others] = await readDurationHistory(db, { from: since, step, queues });
    t.same(others, []);
    t.same(durations?.at, points.at(-1)?.at);
    const [wait = [], run = []] = [durations?.wait, durations?.run].map((all) =>
      all?.map((seconds) => Math.round((seconds ?? 0) * 1000)),
    );
    t.same({ wait, run }, { wait: [271, 320, 215_067], run: [12, 14, 9_505] });
    t.same(await readDurationHistory(db, { from: old, step, queues: ['digest'] }), []);
    t.equal((await readDurationHistory(db, { from: old, step, queues })).length, 2);
    t.equal((await readDurationHistory(db, { from: old, step, queues: ['exports'] })).length, 1);
  }
});
