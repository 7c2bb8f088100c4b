import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { TestClock } from 'pg-boss';
import type { Test } from 'tap';
import { publishComment } from '../../src/domain/comments/write.ts';
import { renderText } from '../../src/domain/mentions/render.ts';
import { buildSharedWithClock } from './build.ts';
import { createUser } from './factories.ts';
import { drain } from './jobs.ts';
import type { SmtpCatcher } from './smtp.ts';
import { writePosts } from './writing.ts';

/**
 * Builds an application with a mail server for all tests of a file. Returns a function that leaves it a post by john, on which
 * susan and others comment, and nothing else.
 */
export async function shareNotifications(t: Test) {
  const emptied = await buildSharedWithClock(t);
  return async () => setUp(await emptied());
}

async function setUp({ app, smtp, clock }: { app: FastifyInstance; smtp: SmtpCatcher; clock: TestClock }) {
  const author = await createUser(app, { username: 'john' });
  const reader = await createUser(app, { username: 'susan' });
  const [postId = 0] = await writePosts(app, author);
  const comment = async (authorId: number, body: string, parentId?: number) => {
    const text = await renderText(app, { kind: 'comment', body, writerId: authorId });
    const { id } = await publishComment(app, { postId, authorId, text, parentId });
    return id;
  };
  /** Works the queues until all mails have left that were only waiting for a moment. */
  const deliver = async () => {
    await drain(app);
    // The database's clock has gone on.
    await clock.setTime(Math.max(clock.now(), Date.now()) + 11_000);
    await drain(app);
  };
  /** Lets an hour pass, for the queue and in the database. */
  const anHourLater = async () => {
    await clock.setTime(clock.now() + 61 * 60 * 1000);
    await sql`update notification_mails set mailed_at = mailed_at - interval '61 minutes'`.execute(app.db);
  };
  return { app, smtp, author, reader, postId, comment, deliver, anHourLater };
}

/** A person's notifications, oldest first. */
export function notificationsOf({ db }: FastifyInstance, { id }: { id: number }) {
  return db
    .selectFrom('notifications')
    .select(['id', 'kind', 'actor_id as actorId', 'comment_id as commentId', 'post_id as postId'])
    .select('read_at as readAt')
    .where('recipient_id', '=', id)
    .orderBy('id')
    .execute();
}
