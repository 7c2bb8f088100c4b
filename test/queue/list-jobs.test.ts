import { sql } from 'kysely';
import t from 'tap';
import { JOB_STATES, type JobFilter, type JobPage } from '../../src/queue/jobs.ts';
import { countJobs } from '../../src/queue/jobs-table.ts';
import { countKinds, findJobIds, listJobs } from '../../src/queue/list-jobs.ts';
import type { Search } from '../../src/queue/search.ts';
import { build } from '../support/build.ts';

const { db } = await build(t);

t.beforeEach(async () => void (await sql`delete from pgboss.job`.execute(db)));

/** Lists all pages. Returns the numbers of each page's jobs. */
async function pagesOf(filter: JobFilter, size = 5) {
  const pages: number[][] = [];
  let after: string | undefined;
  do {
    const page: JobPage = await listJobs(db, filter, { size, after });
    pages.push(page.jobs.map(({ data }) => (data as { n: number }).n));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

t.test('every job is in the list of its state, and in no other, and counted there', async (t) => {
  const states = ['created', 'retry', 'active', 'completed', 'failed', 'cancelled'];
  const jobs = states
    // The ninth is like the first. With as many of each kind, a reversed condition would not change a count.
    .flatMap((state) => Array.from({ length: 9 }, (_, n) => ({ state, n })))
    .map(({ state, n }) => ({ state, isBlocked: n % 8 >= 4, hasStarted: n % 4 >= 2, isDue: n % 2 === 1 }))
    .filter(({ state, isBlocked }) => !isBlocked || state !== 'retry')
    .map((job, n) => ({ ...job, n }));
  const byNumber = (one: { n: number }, other: { n: number }) => one.n - other.n;
  const stateOf = ({ state, isBlocked, hasStarted, isDue }: (typeof jobs)[number]) => {
    if (state !== 'created' && state !== 'retry') return state;
    if (isBlocked) return 'blocked';
    if (isDue) return 'ready';
    return state === 'retry' && hasStarted ? 'retrying' : 'deferred';
  };
  await sql`
    insert into pgboss.job (name, data, retry_count, source_retry_count, state, blocked, started_on, start_after)
    select name, data, 2, 5, (data ->> 'state')::pgboss.job_state, (data ->> 'isBlocked')::boolean,
      case when (data ->> 'hasStarted')::boolean then now() end,
      now() + interval '1 s' * case when not (data ->> 'isDue')::boolean then 3600
        when data ->> 'state' in ('created', 'retry') and not (data ->> 'isBlocked')::boolean then -90 else -900 end
    from jsonb_array_elements(${JSON.stringify(jobs)}::jsonb) as data, unnest(array['mail', 'mail.dead']) as name
  `.execute(db);

  const counts: Record<string, number> = {};
  for (const state of JOB_STATES) {
    const filter = { queues: ['mail'], states: [state] };
    const { jobs: found } = await listJobs(db, filter, { size: 50 });
    t.same(
      found.map((job) => ({ ...(job.data as (typeof jobs)[number]), attempts: job.attempts })).sort(byNumber),
      jobs
        .filter((job) => stateOf(job) === state)
        .map((job) => ({ ...job, attempts: job.hasStarted ? 3 : 2 })),
    );
    t.ok(found.every((job) => job.state === state));
    t.same((await findJobIds(db, filter, 50)).sort(), found.map(({ id }) => id).sort());
    counts[state] = found.length;
  }
  t.equal(
    Object.values(counts).reduce((sum, count) => sum + count),
    jobs.length,
  );
  const dead = { queues: ['mail.dead'], states: ['active'] } as const;
  t.match(
    (await listJobs(db, dead, { size: 50 })).jobs.map(({ attempts }) => attempts),
    Array(9).fill(6),
    'those of the originals',
  );
  const two = { queues: ['mail'], states: ['ready', 'failed'] } as const;
  t.equal((await findJobIds(db, two, 50)).length, (counts.ready ?? 0) + (counts.failed ?? 0));

  const [mail, none] = await countJobs(db, ['mail', 'exports']);
  const { completed: _, cancelled: __, ...counted } = counts;
  const { oldestReadySeconds = 0, ...others } = mail ?? {};
  t.same(others, { ...counted, queue: 'mail', dead: 4 + 1 + 5 });
  t.ok(oldestReadySeconds >= 90 && oldestReadySeconds < 600);
  t.ok(Object.values(none ?? {}).every((value) => value === 0 || value === 'exports'));
});

t.test('a filter finds the jobs that meet all of its conditions', async (t) => {
  const [from, until] = ['2026-11-02T10:00:00.000Z', '2026-11-03T10:00:00.000Z'];
  const job = { name: 'mail', state: 'failed', at: from, ended: until, n: 0, kind: 'a', note: 'Lost' };
  const others: readonly Partial<typeof job>[] = [
    { name: 'exports' },
    { state: 'completed' },
    { at: '2026-11-02T09:59:59.999Z' },
    { at: '2026-11-03T10:00:00.001Z' },
    { ended: '2026-11-03T09:59:59.999Z' },
    { kind: 'b' },
    { note: 'found' },
    {},
  ];
  const all = [job, { ...job, at: until, kind: 'c' }, ...others.map((each) => ({ ...job, ...each }))];
  const jobs = all.map((each, n) => ({ ...each, n }));
  const { rows } = await sql<{ id: string; n: number }>`
    insert into pgboss.job (name, state, data, created_on, completed_on)
    select data ->> 'name', (data ->> 'state')::pgboss.job_state, data, (data ->> 'at')::timestamptz, (data ->> 'ended')::timestamptz
    from jsonb_array_elements(${JSON.stringify(jobs)}::jsonb) as data returning id, (data ->> 'n')::int as n
  `.execute(db);
  const idOf = (n: number | undefined) => rows.find((row) => row.n === n)?.id ?? '';
  const filter: JobFilter = {
    queues: ['mail', 'digest'],
    states: ['failed', 'cancelled'],
    search: [
      { fragments: [{ kind: 'a' }, { kind: 'c' }] },
      { fragments: [{ state: 'failed' }] },
      { fragments: [{ n: 100 }], text: 'lost' },
    ],
    from: new Date(from),
    until: new Date(until),
    endedFrom: new Date(until),
    except: [idOf(jobs.at(-1)?.n)],
  };
  t.same(await pagesOf(filter), [[1, 0]]);
  t.same((await findJobIds(db, filter, 50)).sort(), [idOf(0), idOf(1)].sort());
  t.equal((await findJobIds(db, filter, 1)).length, 1);
  for (const { n } of jobs)
    t.same(await pagesOf({ ...filter, id: idOf(n) }), [n < 2 ? [n] : []], `job ${n} by its id`);
  t.same(
    await countKinds(
      db,
      rows.slice(0, 7).map(({ id }) => id),
      ['none', 'kind'],
    ),
    [
      { kind: 'a', count: 6 },
      { kind: 'c', count: 1 },
    ],
  );
});

t.test('pages continue in the order of creation, even in the same microsecond', async (t) => {
  await sql`
    insert into pgboss.job (name, data, created_on)
    select case when n % 3 = 0 then 'exports' else 'mail' end, jsonb_build_object('n', n),
      now() - n / 4 * interval '1 microsecond'
    from generate_series(1, 14) as n
  `.execute(db);
  const { rows } = await sql<{ n: number }>`
    select (data ->> 'n')::int as n from pgboss.job order by created_on desc, id desc
  `.execute(db);
  const numbers = rows.map(({ n }) => n);
  const pages = [numbers.slice(0, 5), numbers.slice(5, 10), numbers.slice(10)];
  const queues = ['mail', 'exports'];
  t.same(await pagesOf({ queues }), pages);
  t.same(await pagesOf({ queues, states: ['ready'] }), pages);
  t.same(await pagesOf({ queues }, 14), [numbers]);
  const { jobs } = await listJobs(db, { queues }, { size: 14 });
  t.match(await listJobs(db, { queues, id: jobs[13]?.id }, { size: 1 }), { jobs: [{ id: jobs[13]?.id }] });
});

t.test('a list goes on where it stopped to search, or an index finds the rest', async (t) => {
  // Of each of two hundred queues, a hundred jobs are searched.
  const queues = ['digest', 'exports', 'mail', ...Array.from({ length: 197 }, (_, n) => `other-${n}`)];
  const lost = [30, 100, 101, 120];
  await sql`
    insert into pgboss.job (id, name, data, state, created_on, completed_on)
    select lpad((first + n)::text, 32, '0')::uuid, name,
      jsonb_build_object('n', first + n, 'note', case when n = any(${lost}::int[]) then 'lost' end, 'isOld', n > 101 and name <> 'digest'),
      case when n = 125 then 'failed' when n < 5 then 'created' else 'completed' end::pgboss.job_state,
      now() - (age + n / 2) * interval '1 s', case when n > 4 then now() end
    from (values ('mail', 1000, 0), ('exports', 0, 0), ('digest', 2000, 100)) as queue (name, first, age),
      generate_series(1, 130) as n
  `.execute(db);
  const search: Search = [{ fragments: [], text: 'lost' }];
  t.same(await pagesOf({ queues, search }), [
    [1030, 30, 1101],
    [1100, 101, 100, 1120, 120],
    [2030, 2101],
    [2100, 2120],
  ]);
  t.same(await pagesOf({ queues, search }, 3), [
    [1030, 30, 1101],
    [1100, 101, 100],
    [1120, 120, 2030],
    [2101, 2100, 2120],
  ]);
  const { searchedFrom } = await listJobs(db, { queues, search }, { size: 5 });
  const { rows } = await sql<{ at: Date }>`
    select created_on as at from pgboss.job where name = 'mail' and data ->> 'n' = '1101'
  `.execute(db);
  t.equal(searchedFrom?.toISOString(), rows[0]?.at.toISOString());

  t.same(await pagesOf({ queues, states: ['failed'] }), [[1125, 125, 2125]]);
  t.same(await pagesOf({ queues, search: [{ fragments: [{ n: 125 }], text: 'none' }] }), [[125]]);
  const isOld = { fragments: [{ isOld: true }] };
  t.same(await pagesOf({ queues, search: [isOld, ...search] }), [[1120, 120]]);
  const old = Array.from({ length: 15 }, (_, pair) => [1103, 1102, 103, 102].map((n) => n + 2 * pair))
    .flat()
    .filter((n) => n % 1000 <= 130);
  t.same(await pagesOf({ queues, search: [isOld] }, 30), [old.slice(0, 30), old.slice(30)]);
  for (const filter of [{ states: ['completed'] as const }, { endedFrom: new Date(0) }])
    t.equal((await listJobs(db, { queues, ...filter }, { size: 5 })).jobs.length, 5, 'behind newer jobs');
});
