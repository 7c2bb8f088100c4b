import { sql } from 'kysely';
import t from 'tap';
import type { SecurityEventKind } from '../../../src/database/account-tables.ts';
import { findUndoable } from '../../../src/domain/moderation/undo.ts';
import { recordEvent } from '../../../src/domain/security-events/record.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const app = await build(t);
const { db } = app;

t.test(
  'an action is over once it is repeated for the same person and text, and no other ends it',
  async (t) => {
    const [john, susan] = [
      await createUser(app, { username: 'john' }),
      await createUser(app, { username: 'susan' }),
    ];
    const [first = 0, second = 0] = await writePosts(app, john, 2);
    const [comment = 0, reply = 0] = await writeComments(app, john, first, 2);
    await sql`update posts set is_disabled = true`.execute(db);
    await sql`update comments set is_disabled = true`.execute(db);
    await sql`update users set silenced_until = now() + interval '1 day'`.execute(db);
    const userId = john.id;
    const record = (kind: SecurityEventKind, detail: Record<string, number>) =>
      recordEvent(db, { kind, userId, detail });
    const repeated = await record('post-disabled', { post: first });
    const inForce = [
      await record('post-disabled', { post: first }),
      await record('post-disabled', { post: second }),
      await record('comment-disabled', { post: first, comment }),
      await record('comment-disabled', { post: first, comment: reply }),
      await recordEvent(db, { kind: 'silenced', userId }),
      await recordEvent(db, { kind: 'silenced', userId: susan.id }),
    ];
    t.same([...(await findUndoable(db, [repeated, ...inForce]))].sort(), inForce.toSorted());
    await sql`update users set silenced_until = now() where id = ${userId}`.execute(db);
    await sql`update posts set is_disabled = false where id = ${second}`.execute(db);
    await sql`update comments set is_disabled = false where id = ${reply}`.execute(db);
    const [, shown, , shownReply, ended] = inForce;
    t.same([...(await findUndoable(db, [shown ?? 0, shownReply ?? 0, ended ?? 0]))], [], 'without effect');

    const showings = [
      await record('post-enabled', { post: second }),
      await record('comment-enabled', { post: first, comment: reply }),
    ];
    t.same([...(await findUndoable(db, showings))].sort(), showings.toSorted());
    await sql`update posts set is_disabled = true`.execute(db);
    await sql`update comments set is_disabled = true`.execute(db);
    t.same([...(await findUndoable(db, showings))], [], 'hidden again');
  },
);
