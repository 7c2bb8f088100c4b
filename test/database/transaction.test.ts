import { sql } from 'kysely';
import t from 'tap';
import { transact } from '../../src/database/transaction.ts';
import { deleteComment, publishComment } from '../../src/domain/comments/write.ts';
import { deletePost } from '../../src/domain/posts/write.ts';
import { DomainError } from '../../src/errors.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { writeComments, writePosts } from '../support/writing.ts';

t.test('the victim of a deadlock runs again', async (t) => {
  const app = await build(t);
  const [one, two] = [await createUser(app, { username: 'one' }), await createUser(app, { username: 'two' })];
  const bothHoldOne = Promise.withResolvers<void>();
  let runs = 0;
  const lockInOrder = (first: number, second: number) =>
    transact(app.db, async (trx) => {
      await sql`update users set name = 'x' where id = ${first}`.execute(trx);
      runs += 1;
      if (runs === 2) bothHoldOne.resolve();
      await bothHoldOne.promise;
      await sql`update users set name = 'x' where id = ${second}`.execute(trx);
      return first;
    });
  t.same(await Promise.all([lockInOrder(one.id, two.id), lockInOrder(two.id, one.id)]), [one.id, two.id]);
  t.equal(runs, 3);
});

t.test('other failures are final', async (t) => {
  const app = await build(t);
  let runs = 0;
  const failing = transact(app.db, async () => {
    runs += 1;
    throw new DomainError('busy', 'Later.');
  });
  await t.rejects(failing, { code: 'busy' });
  t.equal(runs, 1);
});

t.test('deleting a post and its comments at once does not deadlock', async (t) => {
  const app = await build(t);
  const { db, queue } = app;
  const before = await deadlocks();
  const author = await createUser(app, { username: 'author' });
  const people = [author];
  for (const username of ['second', 'third', 'fourth']) people.push(await createUser(app, { username }));
  const admin = { id: author.id, role: 'Administrator', isConfirmed: true, silencedUntil: null } as const;
  for (let round = 0; round < 10; round += 1) {
    const [postId = 0] = await writePosts(app, author);
    for (const person of people) await writeComments(app, person, postId, 2);
    const comments = await db.selectFrom('comments').select('id').where('post_id', '=', postId).execute();
    const text = await app.markdown.comment('New');
    const results = await Promise.allSettled([
      ...comments.slice(0, 4).map(({ id }) => deleteComment(db, admin, id)),
      publishComment({ db, queue }, { postId, authorId: author.id, text }),
      deletePost(db, postId),
      ...comments.slice(4).map(({ id }) => deleteComment(db, admin, id)),
    ]);
    for (const result of results) {
      if (result.status === 'rejected') t.match(result.reason, { code: 'not-found' });
    }
  }
  t.equal(await deadlocks(), before);
  t.same(
    await db.selectFrom('users').select(['post_count', 'comment_count']).execute(),
    people.map(() => ({ post_count: 0, comment_count: 0 })),
  );

  async function deadlocks() {
    await sql`select pg_stat_force_next_flush()`.execute(db);
    const { rows } = await sql<{ deadlocks: string }>`
      select deadlocks from pg_stat_database where datname = current_database()
    `.execute(db);
    return rows[0]?.deadlocks;
  }
});
