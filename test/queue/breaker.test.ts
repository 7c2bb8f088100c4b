import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import t from 'tap';
import {
  closeBreaker,
  listOpenBreakers,
  lockBreaker,
  openBreaker,
  probeNow,
  startProbe,
} from '../../src/queue/breaker.ts';
import { build } from '../support/build.ts';

/** Its time stands still. */
const clock = new TestClock('2027-03-27T12:00Z');
const { db } = await build(t, {}, { clock });
const [probe, other] = [randomUUID(), randomUUID()];

const refuse = (jobId: string, seconds?: number, queue = 'mail') =>
  openBreaker(db, queue, { jobId, reason: 'too much', seconds });

/** Seconds until a job of the queue may be tried. */
const wait = (queue = 'mail') => lockBreaker(db, queue);

t.beforeEach(async () => void (await db.deleteFrom('queue_breakers').execute()));

t.test('a queue waits for as long as the service asks, from a second to an hour', async (t) => {
  for (const [asked, seconds] of [
    [undefined, 2],
    [0, 1],
    [600, 600],
    [3_600, 3_600],
    [86_400, 3_600],
  ] as const) {
    await refuse(probe, asked, `asked ${asked}`);
    t.equal(await wait(`asked ${asked}`), seconds, `asked for ${asked} s`);
  }
  t.equal(await wait('another'), undefined, 'a queue that need not wait');
});

t.test('the wait doubles with each job that is tried and refused, up to a quarter of an hour', async (t) => {
  await refuse(other);
  const waits: (number | undefined)[] = [];
  for (let refused = 0; refused < 12; refused += 1) {
    await startProbe(db, 'mail', { jobId: probe, seconds: 90 });
    t.equal(await wait(), 90, 'until nothing more is heard of it');
    await refuse(other, 5);
    t.equal(await wait(), 90, 'a job that began before the queue waited changes nothing');
    await refuse(probe);
    waits.push(await wait());
  }
  t.same(waits, [4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
  await startProbe(db, 'mail', { jobId: probe, seconds: 90 });
  await refuse(probe, 7);
  t.equal(await wait(), 7, 'the service may say when');
});

t.test('only the job that is tried can end the wait, and only of its queue', async (t) => {
  await refuse(other);
  await refuse(other, undefined, 'exports');
  const states = async () =>
    (await listOpenBreakers(db)).map(({ queue, isProbing }) => `${queue}${isProbing ? ' tries' : ''}`);
  t.same(await states(), ['exports', 'mail']);
  await startProbe(db, 'mail', { jobId: probe, seconds: 90 });
  t.same(await states(), ['exports', 'mail tries']);
  await closeBreaker(db, 'mail', other);
  await closeBreaker(db, 'exports', probe);
  await probeNow(db, 'mail', other);
  t.same(await states(), ['exports', 'mail tries']);
  t.equal(await wait(), 90);
  await probeNow(db, 'mail', probe);
  t.same([await states(), await wait()], [['exports', 'mail'], 0], 'it has not reached the service');
  t.equal(await wait('exports'), 2);

  await startProbe(db, 'mail', { jobId: probe, seconds: 90 });
  await probeNow(db, 'mail');
  t.equal(await wait(), 0, 'an Operator has another tried at once');
  await startProbe(db, 'mail', { jobId: probe, seconds: 90 });
  await closeBreaker(db, 'mail', probe);
  t.same(await states(), ['exports']);
});

t.test('workers look at a waiting queue in turn', async (t) => {
  await refuse(other);
  await db.transaction().execute(async (trx) => {
    await lockBreaker(trx, 'mail');
    const { rows } =
      await sql`select from queue_breakers where queue = 'mail' for update skip locked`.execute(db);
    t.same(rows, []);
  });
});
