import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import t from 'tap';
import { publishDueDraft } from '../../src/domain/drafts/publish-due.ts';
import { createDraft, saveDraft } from '../../src/domain/drafts/save.ts';
import { scheduleDraft } from '../../src/domain/drafts/schedule.ts';
import { Busy } from '../../src/errors.ts';
import { build } from '../support/build.ts';
import { errorsOf, messagesOf } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { drain } from '../support/jobs.ts';

const clock = new TestClock();
const app = await build(t, {}, { clock });
const john = await createUser(app);
await createUser(app, { username: 'susan' });
const client = await signedInClient(app, john);

const DAY = 24 * 60 * 60 * 1000;
const inDays = (days: number) => new Date(Date.now() + days * DAY);
const draftWith = (body: string) => createDraft(app.db, john.id, { title: 'On tea', body, tags: 'tea' });
const schedule = async (body: string, publishAt = inDays(2)) => {
  const draft = await draftWith(body);
  const text = { title: 'On tea', body, tags: 'tea' };
  await scheduleDraft(app, john.id, { draft, text, publishAt });
  return { id: draft.id, version: 2 };
};
const posts = () => app.db.selectFrom('posts').select(['title', 'body', 'tags', 'version']).execute();
const drafts = () =>
  app.db.selectFrom('drafts').select(['body', 'publish_at', 'refused_because']).orderBy('id').execute();

/** Lets some days pass, and works the queues. */
async function wait(days: number): Promise<void> {
  await clock.setTime(inDays(days));
  await drain(app);
}

t.afterEach(async () => {
  await app.db.deleteFrom('drafts').execute();
  await app.db.deleteFrom('posts').execute();
  await sql`update users set silenced_until = null, suspended_until = null`.execute(app.db);
});

t.test('a scheduled draft is published at its time, like one published by hand', async (t) => {
  const draft = await schedule('For @susan');
  await saveDraft(app.db, john.id, draft, { title: 'On tea', body: 'Now for @susan', tags: 'tea' });
  await wait(1);
  t.same(await posts(), [], 'not before');
  await wait(3);
  t.match(await posts(), [{ title: 'On tea', body: 'Now for @susan', tags: ['tea'], version: 1 }]);
  t.same(await drafts(), []);
  t.match(await app.db.selectFrom('notifications').select('kind').execute(), [{ kind: 'mention' }]);
});

t.test(
  'a scheduled draft is published once, however often its job runs, and never once it is unscheduled',
  async (t) => {
    const { id } = await schedule('Once');
    const other = await createDraft(app.db, john.id, { title: '', body: 'Other', tags: '' });
    await sql`update drafts set publish_at = (select publish_at from drafts where id = ${id})`.execute(
      app.db,
    );
    const [{ publish_at: publishAt } = { publish_at: null }] = await drafts();
    const due = { draftId: id, publishAt: publishAt?.toISOString() ?? '' };
    await Promise.allSettled([1, 2, 3].map(() => publishDueDraft(app, due)));
    await publishDueDraft(app, due);
    t.match(await posts(), [{ body: 'Once' }]);
    t.equal((await posts()).length, 1);
    await client.post(`/drafts/${other.id}/delete`);

    await app.db.deleteFrom('posts').execute();
    const unwanted = await schedule('Never');
    const later = await schedule('Later');
    await client.post(`/drafts/${unwanted.id}/unschedule`);
    const stale = saveDraft(app.db, john.id, unwanted, { title: '', body: 'Never', tags: '' });
    await t.rejects(stale, { code: 'edit-conflict' }, 'an open form still has the schedule');
    const deleted = await schedule('Neither');
    await client.post(`/drafts/${deleted.id}/delete`);
    const text = { title: '', body: 'Later', tags: '' };
    await scheduleDraft(app, john.id, { draft: later, text, publishAt: inDays(9) });
    await wait(12);
    t.match(await posts(), [{ body: 'Later' }], 'only the last schedule counts');
    t.match(await drafts(), [{ body: 'Never', publish_at: null }]);
  },
);

t.test('a draft that is due is kept, and says why, if its author may no longer write', async (t) => {
  for (const change of ['silenced_until', 'suspended_until'] as const) {
    await schedule('Too late');
    await app.db
      .updateTable('users')
      .set({ [change]: new Date('9999-12-31') })
      .where('id', '=', john.id)
      .execute();
    await wait(20);
    t.same(await posts(), [], change);
    t.match(await drafts(), [{ publish_at: null, refused_because: 'not-allowed' }]);
    await sql`update users set silenced_until = null, suspended_until = null`.execute(app.db);
    t.match(
      (await client.get('/drafts')).body,
      'Not published: you were not allowed to write when it was due.',
    );
    await app.db.deleteFrom('drafts').execute();
  }
  for (const unfinished of [
    { body: ' ', tags: '' },
    { body: 'Soon', tags: '!' },
  ]) {
    const draft = await schedule('Soon');
    await saveDraft(app.db, john.id, draft, { title: '', ...unfinished });
    await draftWith('Another');
    await sql`update drafts set publish_at = (select publish_at from drafts where id = ${draft.id})`.execute(
      app.db,
    );
    await wait(30);
    t.match(await drafts(), [
      { publish_at: null, refused_because: 'unfinished' },
      { body: 'Another', publish_at: Date, refused_because: null },
    ]);
    await app.db.deleteFrom('drafts').execute();
  }
});

t.test('a draft stays scheduled while the server is too busy to render it', async (t) => {
  const publishAt = inDays(2);
  const { id } = await schedule('Soon', publishAt);
  const busy = () => Promise.reject(new Busy());
  const markdown = { ...app.markdown, by: () => ({ post: busy, comment: busy }) };
  const due = { draftId: id, publishAt: publishAt.toISOString() };
  await t.rejects(publishDueDraft({ ...app, markdown }, due), new Busy());
  t.match(await drafts(), [{ refused_because: null }]);
  t.equal((await drafts())[0]?.publish_at?.toISOString(), publishAt.toISOString());
});

t.test('the form reads the time in the browser’s zone, up to a year ahead', async (t) => {
  const moment = new Date(inDays(3).setUTCSeconds(0, 0));
  const publish_at = new Date(moment.getTime() + 60 * 60_000).toISOString().slice(0, 16);
  const fields = { body: 'Soon', publish_at, offset: '-60' };
  const page = await client.follow(await client.post('/drafts/schedule', fields));
  t.same(messagesOf(page), ['Your draft has been scheduled.']);
  t.match(page.body, `Scheduled: <time datetime="${moment.toISOString()}">`);
  t.match(await drafts(), [{ publish_at: moment }]);

  for (const [wrong, message] of [
    [{ publish_at: '' }, 'This field is required.'],
    [{ publish_at: 'tomorrow' }, 'Enter a date and a time.'],
    [{ publish_at: '2026-13-99T99:99' }, 'Enter a date and a time.'],
    [{ publish_at: '9999-01-01T00:00' }, 'Enter a time within a year from now.'],
  ] as const) {
    const refused = await client.post('/drafts/schedule', { ...fields, ...wrong });
    t.equal(refused.statusCode, 422);
    t.same(errorsOf(refused), { publish_at: message });
  }
  t.match(errorsOf(await client.post('/drafts/schedule', { ...fields, tags: '!' })).tags, 'cannot be a tag');
  t.equal((await drafts()).length, 1);
  await client.post('/drafts/schedule', { body: 'At once', publish_at: '0000-01-01T00:00', offset: '-999' });
  await wait(0);
  t.match(await posts(), [{ body: 'At once' }], 'a past time is now');
});
