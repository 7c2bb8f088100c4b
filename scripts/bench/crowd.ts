import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { PgBoss } from 'pg-boss';
import { startSession } from '../../src/domain/sessions/start.ts';
import { noopQueue } from './noop.ts';
import { percentile, type Row } from './table.ts';

const COMPLETED = 1_000_000;
const READY = 100_000;
const FETCHES = 200;
const FETCHED = 10;
const VIEWS = 20;

/** Measures fetching jobs, and the dashboard, with a million completed and a hundred thousand waiting jobs. */
export async function benchCrowd(app: FastifyInstance, databaseUrl: string): Promise<Row[]> {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    migrate: false,
    supervise: false,
    schedule: false,
  });
  boss.on('error', console.error);
  await boss.start();
  try {
    await fill(app, { state: 'created', count: FETCHES * FETCHED });
    const uncrowded = await fetchTime(boss);
    await sql`delete from pgboss.job`.execute(app.db);
    await fill(app, { state: 'completed', count: COMPLETED });
    await fill(app, { state: 'created', count: READY });
    const crowded = await fetchTime(boss);
    const views = await viewTimes(app);
    return [
      {
        what: `fetching ${FETCHED} jobs, ${COMPLETED.toLocaleString('en')} done and ${READY.toLocaleString('en')} ready`,
        value: crowded,
        unit: 'ms',
        reference: { what: 'the same in an empty table', value: uncrowded },
      },
      { what: 'the dashboard then, p50', value: percentile(views, 0.5), unit: 'ms' },
    ];
  } finally {
    await boss.stop();
  }
}

async function fill(
  { db }: FastifyInstance,
  { state, count }: { state: string; count: number },
): Promise<void> {
  await sql`
    insert into pgboss.job (name, data, state, created_on, start_after, started_on, completed_on)
    select ${noopQueue.name}, jsonb_build_object('n', n), ${state}::pgboss.job_state,
      now() - n * interval '1 ms', now() - n * interval '1 ms',
      case when ${state} = 'completed' then now() end, case when ${state} = 'completed' then now() end
    from generate_series(1, ${count}::int) as n
  `.execute(db);
  await sql`vacuum analyze pgboss.job`.execute(db);
}

async function fetchTime(boss: PgBoss): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < FETCHES; round += 1) {
    const startedAt = performance.now();
    await boss.fetch(noopQueue.name, { batchSize: FETCHED, includeMetadata: true });
    times.push(performance.now() - startedAt);
  }
  return percentile(times, 0.5);
}

async function viewTimes(app: FastifyInstance): Promise<number[]> {
  const cookie = `session=${await signInAdministrator(app)}`;
  const times: number[] = [];
  for (let view = 0; view < VIEWS; view += 1) {
    const startedAt = performance.now();
    const { statusCode } = await app.inject({ url: '/admin/jobs', headers: { cookie } });
    if (statusCode !== 200) throw new Error(`the dashboard responded with ${statusCode}`);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Returns the session's token. */
async function signInAdministrator({ db }: FastifyInstance): Promise<string> {
  const { id } = await db
    .insertInto('users')
    .values({
      email: 'boss@example.com',
      username: 'boss',
      password_hash: 'none',
      role: 'Administrator',
      confirmed_at: new Date(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return startSession(db, { userId: id, isRemembered: false });
}
