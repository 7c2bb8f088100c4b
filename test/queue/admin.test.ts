import { sql } from 'kysely';
import t from 'tap';
import { countJobs, type JobAction, listJobs, QueueAdmin } from '../../src/queue/index.ts';
import { build } from '../support/build.ts';

const { db, queueAdmin } = await build(t);

/** Inserts two jobs into each of two queues, with their dead letters if they have failed. No job waits for them any more. */
async function insertJobs(state: string, { startAfter = '0 s', isBlocked = false } = {}) {
  await sql`delete from pgboss.job`.execute(db);
  await sql`
    insert into pgboss.job (name, data, state, start_after, blocked, blocking, completed_on)
    select name, jsonb_build_object('n', n), ${state}::text::pgboss.job_state, now() + ${startAfter}::interval, ${isBlocked}, true,
      case when ${state} in ('failed', 'cancelled') then now() end
    from unnest(array['mail', 'exports']) as name, generate_series(1, 2) as n
  `.execute(db);
  if (state !== 'failed') return;
  await sql`
    insert into pgboss.job (name, data, source_name, source_id) select name || '.dead', data, name, id from pgboss.job
  `.execute(db);
}

/** Everything about the jobs with the same queue and number. */
async function snapshot() {
  const { rows } = await sql<{ key: string; all: string }>`
    select name || ' ' || (data ->> 'n') as key, string_agg(to_jsonb(job)::text, '; ' order by id) as all
    from pgboss.job group by 1 order by 1
  `.execute(db);
  return new Map(rows.map(({ key, all }) => [key, all]));
}

t.test('an action applies to jobs in some states, and never to others', async (t) => {
  const applicable = (action: JobAction) =>
    QueueAdmin.applicable(action, { queues: ['mail'], states: ['ready', 'failed', 'cancelled'] });
  t.same(applicable('cancel').states, ['ready']);
  t.match(applicable('retry'), { states: ['failed'], hasDeadLetter: true, blocksNone: false });
  const deletion = { states: ['ready', 'failed', 'cancelled'], hasDeadLetter: false, blocksNone: true };
  t.match(applicable('delete'), deletion);
  t.same(QueueAdmin.applicable('run', { queues: ['mail'] }).states, ['retrying', 'deferred']);
});

t.test('an action changes the job that it is for, and no other', async (t) => {
  for (const [action, state, changed, policy = 'standard'] of [
    ['run', 'created', ['mail 1']],
    ['cancel', 'created', ['mail 1']],
    ['restore', 'cancelled', ['mail 1']],
    ['delete', 'failed', ['mail 1']],
    ['retry', 'failed', ['mail 1', 'mail.dead 1']],
    ['retry', 'failed', ['mail 1', 'mail.dead 1'], 'exclusive'],
    ['redrive', 'failed', ['mail 1', 'mail.dead 1']],
  ] as const) {
    await sql`update pgboss.queue set policy = ${policy} where name = 'mail'`.execute(db);
    await insertJobs(state, { startAfter: state === 'created' ? '1 hour' : '0 s' });
    const before = await snapshot();
    const queue = action === 'redrive' ? 'mail.dead' : 'mail';
    const { rows } = await sql<{ id: string }>`
      select id from pgboss.job where name = ${queue} and data ->> 'n' = '1'
    `.execute(db);
    t.equal(await queueAdmin.act(db, action, { queues: [queue], id: rows[0]?.id }), 1, action);
    const after = await snapshot();
    t.same(
      [...before].flatMap(([key, all]) => (after.get(key) === all ? [] : [key])),
      changed,
      action,
    );
  }
});

t.test('a job that another waits for is not deleted', async (t) => {
  await insertJobs('completed');
  await sql`
    insert into pgboss.job_dependency (parent_name, parent_id, child_name, child_id)
    select 'mail', parent.id, 'exports', child.id from pgboss.job as parent inner join pgboss.job as child using (data)
    where parent.name = 'mail' and child.name = 'exports'
  `.execute(db);
  await sql`update pgboss.job set state = 'created', blocked = true where name = 'exports' and data ->> 'n' = '1'`.execute(
    db,
  );
  t.equal(await queueAdmin.act(db, 'delete', { queues: ['mail'] }), 1);
  t.same([...(await snapshot()).keys()], ['exports 1', 'exports 2', 'mail 1']);
});

t.test('jobs that are cancelled and restored wait as before', async (t) => {
  for (const [startAfter, isBlocked] of [
    ['-1 hour', false],
    ['1 hour', false],
    ['1 hour', true],
  ] as const) {
    await insertJobs('created', { startAfter, isBlocked });
    const wait = async () => {
      const { jobs } = await listJobs(db, { queues: ['mail'] }, { size: 5 });
      return jobs.map((job) => ({ state: job.state, at: job.startAfter.toISOString(), ended: job.endedAt }));
    };
    const before = await wait();
    const counts = await countJobs(db, ['mail']);
    t.equal(await queueAdmin.act(db, 'cancel', { queues: ['mail'] }), 2);
    t.match(await wait(), [{ state: 'cancelled' }, { state: 'cancelled' }]);
    t.equal(await queueAdmin.act(db, 'restore', { queues: ['mail'] }), 2);
    t.same(await wait(), before);
    const { oldestReadySeconds: _, ...after } = (await countJobs(db, ['mail']))[0] ?? {};
    t.match(counts, [after], 'and are counted as before');
  }
});
